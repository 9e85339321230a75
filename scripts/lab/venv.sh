# The Python environment: moto, MiniStack and the AWS CLI.
# shellcheck shell=bash

install_venv() {
    local wanted=$root/scripts/lab/requirements.txt stamp=$venv/requirements.txt
    cmp -s "$wanted" "$stamp" && return 0
    rm -rf "$venv"
    step "python environment" /usr/bin/python3 -m venv "$venv"
    step "pip install" "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$stamp"
}

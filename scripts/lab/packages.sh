# The Debian packages: servers, runtimes, readers of images, and what makes bases.
# shellcheck shell=bash

packages=(
    docker-registry apache2-utils               # the reference registry, and htpasswd for its users
    tinyproxy                                   # the only way out of a network namespace
    docker.io podman skopeo umoci               # runtimes and readers of images
    libarchive-tools                            # bsdtar, a reader of layers
    debootstrap busybox-static                  # bases
    shellcheck                                  # a reader of scripts
    jq                                          # what the action reads its token with
    curl pigz zstd valgrind                     # what the benchmark compares with, and the counts of instructions
    python3-venv time ca-certificates iproute2  # the environment of the AWS stand-ins; memory of a process; ports in use
)

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

# The packages bring services, and the lab starts its own: for the time of the installation none may start.
without_services() {
    local policy=/usr/sbin/policy-rc.d made=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made=$policy
    fi
    local status=0
    "$@" || status=$?
    [[ -z $made ]] || rm -f "$made"
    return "$status"
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    export DEBIAN_FRONTEND=noninteractive
    step "apt-get update" apt-get update -q
    step "apt-get install" without_services apt-get install -q -y --no-install-recommends "${missing[@]}"
}

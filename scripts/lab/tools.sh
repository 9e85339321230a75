# Tools in Rust that no Debian package has. Without optimisation: a minute instead of many, and they run for seconds.
# shellcheck shell=bash

cargo_deb_version=3.8.0

install_tools() {
    local tools=${CARGO_TARGET_DIR:-$root/target}/tools
    [[ $("$tools/bin/cargo-deb" --version 2>/dev/null) != *"$cargo_deb_version"* ]] || return 0
    CARGO_PROFILE_DEV_DEBUG=0 step "cargo-deb" cargo install cargo-deb --version "$cargo_deb_version" --locked --debug \
        --quiet --root "$tools" --target-dir "$tools/build-deb"
    rm -rf "$tools/build-deb"
}

# What every piece of the lab shares: where things are, and how it speaks.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab=${CARGO_TARGET_DIR:-$root/target}/lab
venv=$lab/venv
umask 022   # modes of what is made here are part of the bases
mkdir -p "$lab"

say() { printf 'lab: %s\n' "$*" >&2; }
die() { printf 'lab: error: %s\n' "$*" >&2; exit 1; }

# Runs a step quietly; its output is shown only when it fails, its time always.
step() {
    local what=$1 log=$lab/step-${1//[^a-z0-9]/-}.txt started=$SECONDS
    shift
    "$@" </dev/null >"$log" 2>&1 || { cat "$log" >&2; die "$what failed"; }
    say "$what: $((SECONDS - started)) s"
}

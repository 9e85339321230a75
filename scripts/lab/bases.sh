# The base images: a few megabytes of busybox for most tests, and a real PHP for the one that runs the shop.
# shellcheck shell=bash

# Prints the Debian mirror that apt uses for the release itself.
debian_mirror() {
    # shellcheck disable=SC2016 # apt fills it in
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
        "Codename: $1" 'Component: main' | sed -n 1p
}

# A root file system of busybox alone, with what a careless layer breaks: /tmp's mode and the symlinks.
busybox_root() {
    local dir=$1 applet
    mkdir -p "$dir"/{etc,proc,sys,dev,run,root,tmp,usr/bin,usr/lib,var/www}
    chmod 1777 "$dir/tmp"
    chmod 700 "$dir/root"
    ln -s usr/bin "$dir/bin"
    ln -s usr/lib "$dir/lib"
    ln -s /run "$dir/var/run"
    printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n' >"$dir/etc/passwd"
    printf 'root:x:0:\nwww-data:x:33:\n' >"$dir/etc/group"
    cp /bin/busybox "$dir/usr/bin/busybox"
    while read -r applet; do
        [[ $applet == busybox ]] || ln -s busybox "$dir/usr/bin/$applet"
    done < <(/bin/busybox --list)
}

# Debian's smallest system with its PHP, and the authorities that it trusts.
php_root() {
    local mirror proxy
    mirror=$(debian_mirror bookworm)
    if [[ -z $mirror ]]; then   # apt knows what a source is only after it has asked
        apt-get update -q
        mirror=$(debian_mirror bookworm)
    fi
    [[ -n $mirror ]] || die "apt has no mirror of Debian bookworm: add one to its sources"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy:-} ]] || export http_proxy=$proxy
    debootstrap --variant=minbase --include=php-cli,ca-certificates bookworm "$1" "$mirror"
}

# Makes the archive $1.tar by the function $2, unless it is there and was made by the same function.
make_base() {
    local archive=$lab/$1.tar work=$lab/$1.root recipe
    recipe=$(declare -f "$2")
    [[ ! -e $archive || $(cat "$archive.recipe" 2>/dev/null) != "$recipe" ]] || return 0
    rm -rf "$work"
    step "$1 base" "$2" "$work"
    step "$1 archive" /usr/bin/python3 "$root/scripts/lab/oci_archive.py" "$work" "$archive"
    printf '%s\n' "$recipe" >"$archive.recipe"
    rm -rf "$work"
}

make_bases() {
    make_base busybox busybox_root
    make_base php php_root
}

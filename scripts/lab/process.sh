# Processes of the lab: each is the leader of a group of its own, and is stopped by that group's id.
# shellcheck shell=bash

launched=            # the id of what was launched last
groups=()            # all ids, in the order of their start
declare -A named     # id -> name

# launch NAME COMMAND...: a server's output goes to a file, shown when it does not come up; the command's to ours.
launch() {
    local name=$1
    shift
    if [[ $name == command ]]; then
        setsid "$@" </dev/null &
    else
        setsid "$@" </dev/null >"$DOCKLESS_LAB_DIR/$name.txt" 2>&1 &
    fi
    launched=$!
    groups+=("$launched")
    named[$launched]=$name
}

# Stops a group and waits until it is gone: first asked, after 20 seconds forced.
stop_group() {
    local group=$1 turn
    kill -TERM -- "-$group" 2>/dev/null || return 0
    for turn in {1..200}; do
        kill -0 -- "-$group" 2>/dev/null || return 0
        sleep 0.1
    done
    say "${named[$group]} does not stop: killed"
    kill -KILL -- "-$group" 2>/dev/null || true
}

# Stops everything, the last one first.
stop_all() {
    local turn
    for ((turn = ${#groups[@]} - 1; turn >= 0; turn--)); do
        stop_group "${groups[turn]}"
    done
    groups=()
}

# Prints a port that is free now; whoever listens on it comes up a moment later.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# await NAME ID COMMAND...: repeats a check until it passes, for at most 60 seconds.
await() {
    local name=$1 group=$2 deadline=$((SECONDS + 60))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > deadline)) || ! kill -0 "$group" 2>/dev/null; then
            cat "$DOCKLESS_LAB_DIR/$name.txt" >&2
            die "$name did not come up"
        fi
        sleep 0.05
    done
}

# Whether a server accepts connections on a loopback port.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# Engines leave mounts of their own behind, such as a network namespace or podman's storage.
unmount_below() {
    local point
    while read -r point; do
        umount -l "$point" || true
    done < <(awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r)
}

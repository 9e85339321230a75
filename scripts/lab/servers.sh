# The servers: how each is started, and how it is seen to be up.
# shellcheck shell=bash

awaited=()   # NAME ID PORT-OR-SOCKET, one string each

# Debian's docker-registry, with ECR's kind of authentication: Basic, and the user and password of moto's tokens.
start_registry() {
    local dir=$DOCKLESS_LAB_DIR/registry port
    port=$(free_port)
    export DOCKLESS_LAB_REGISTRY=127.0.0.1:$port
    export DOCKLESS_LAB_REGISTRY_USER=AWS DOCKLESS_LAB_REGISTRY_PASSWORD=123456789012-auth-token
    mkdir -p "$dir/data"
    # The cheapest of bcrypt's costs: each request pays it anew.
    htpasswd -BbnC 4 "$DOCKLESS_LAB_REGISTRY_USER" "$DOCKLESS_LAB_REGISTRY_PASSWORD" >"$dir/htpasswd"
    cat >"$dir/config.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $dir/data}
  delete: {enabled: true}
http: {addr: "$DOCKLESS_LAB_REGISTRY"}
auth:
  htpasswd: {realm: lab, path: $dir/htpasswd}
YAML
    launch registry docker-registry serve "$dir/config.yml"
    awaited+=("registry $launched listens $port")
}

start_moto() {
    local port
    port=$(free_port)
    export DOCKLESS_LAB_MOTO=http://127.0.0.1:$port
    # Services run as many tasks as they want, so that nobody waits for what moto never does.
    launch moto env MOTO_ECS_SERVICE_RUNNING=1 "$venv/bin/moto_server" -H 127.0.0.1 -p "$port"
    awaited+=("moto $launched listens $port")
}

# MiniStack's registry knows the account and region of a request by its host name, which clients of the lab do not
# send: those of the fixtures are made its defaults. It also opens fixed ports for services that nobody needs
# here, and would start tasks in a Docker engine that it finds.
start_ministack() {
    local port
    port=$(free_port)
    export DOCKLESS_LAB_MINISTACK=http://127.0.0.1:$port
    mkdir -p "$DOCKLESS_LAB_DIR/ministack"
    launch ministack env -C "$DOCKLESS_LAB_DIR/ministack" \
        BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_ACCOUNT_ID=123456789012 MINISTACK_REGION=ap-northeast-1 \
        IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
        DOCKER_HOST=unix:///nonexistent S3_DATA_DIR="$DOCKLESS_LAB_DIR/ministack" TMPDIR="$DOCKLESS_LAB_DIR/ministack" \
        "$venv/bin/ministack"
    awaited+=("ministack $launched listens $port")
}

# A Docker engine with its own data, sockets and containerd, that touches neither bridge nor firewall of the machine.
start_docker() {
    local sockets=$DOCKLESS_LAB_SOCKETS
    export DOCKLESS_LAB_DOCKER=/usr/bin/docker DOCKLESS_LAB_DOCKER_HOST=unix://$sockets/docker.sock
    echo '{}' >"$sockets/daemon.json"
    launch docker /usr/sbin/dockerd --config-file "$sockets/daemon.json" --iptables=false --ip6tables=false \
        --bridge=none --data-root "$DOCKLESS_LAB_DIR/docker" --exec-root "$sockets/exec" \
        --containerd-namespace dockless-lab --containerd-plugins-namespace dockless-lab-plugins \
        --pidfile "$sockets/docker.pid" -H "$DOCKLESS_LAB_DOCKER_HOST"
    awaited+=("docker $launched engine_answers -")
}

engine_answers() { "$DOCKLESS_LAB_DOCKER" -H "$DOCKLESS_LAB_DOCKER_HOST" version; }

await_servers() {
    local server name group check argument started=$SECONDS
    for server in "${awaited[@]}"; do
        read -r name group check argument <<<"$server"
        await "$name" "$group" "$check" "$argument"
    done
    say "servers up: $((SECONDS - started)) s"
}

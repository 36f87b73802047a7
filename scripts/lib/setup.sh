# Shared by the scripts: packages, build, project-local npm and pip folders. Sourced, not run.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
skip() { printf '\033[33mSKIPPED: %s\033[0m\n' "$*" >&2; }
die() {
    printf '\033[31mERROR: %s\033[0m\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || die "run as root, or install sudo, to install packages"
        sudo "$@"
    fi
}

# packages LIST...: installs the Debian packages of scripts/packages/LIST that are missing.
packages() {
    local wanted missing=()
    wanted=$(cd "$root/scripts/packages" && sed 's/#.*//' "$@" | tr -s ' \n' '\n\n' | sed '/^$/d')
    local have
    # shellcheck disable=SC2086
    # dpkg-query fails when it does not know one of the names: that one is missing.
    have=$( (dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' $wanted 2>/dev/null || true) |
        sed -n 's/ installed$//p' | sed 's/:.*//')
    local p
    for p in $wanted; do
        grep -qx "$p" <<<"$have" || missing+=("$p")
    done
    # Tools that are there from another source are as good.
    [[ " ${missing[*]} " == *" npm "* ]] && command -v npm >/dev/null && missing=("${missing[@]/#npm/}")
    [[ " ${missing[*]} " == *" nodejs "* ]] && command -v node >/dev/null && missing=("${missing[@]/#nodejs/}")
    read -ra missing <<<"${missing[*]}"
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing ${#missing[@]} packages: ${missing[*]}"
    as_root apt-get update -q >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        "${missing[@]}" >&2
}

# build PRESET [TARGET...]: configures once, then compiles what changed.
build() {
    local preset=$1
    shift
    [ -f "$root/build/$preset/build.ninja" ] || {
        say "configuring build/$preset"
        (cd "$root" && cmake --preset "$preset" >&2)
    }
    say "building build/$preset"
    (cd "$root" && cmake --build --preset "$preset" ${1:+--target "$@"} >&2)
}

# npm_folder DIR: installs the pinned packages of DIR/package.json into DIR/node_modules.
npm_folder() {
    local dir=$1
    [ "$dir/node_modules/.stamp" -nt "$dir/package.json" ] && return 0
    say "npm packages of ${dir#"$root"/}"
    (cd "$dir" && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2) || return 1
    touch "$dir/node_modules/.stamp"
}

# python_folder DIR: a virtual environment DIR/.venv with the pinned packages of DIR/requirements.txt.
python_folder() {
    local dir=$1
    [ "$dir/.venv/.stamp" -nt "$dir/requirements.txt" ] && return 0
    say "Python packages of ${dir#"$root"/}"
    rm -rf "$dir/.venv"
    python3 -m venv "$dir/.venv" >&2 &&
        "$dir/.venv/bin/pip" install -q --no-compile --disable-pip-version-check -r "$dir/requirements.txt" >&2 ||
        return 1
    touch "$dir/.venv/.stamp"
}

# ---- real servers that tests and benchmarks start (tests/servers), kept between runs ----

servers=${REFLECTION_SERVERS:-$root/build/servers}

# golang: prints the path of a Go that builds them: the one on the PATH when it is new enough, else the toolchain of
# that version as the module proxy serves it (Debian 12 has 1.19, which cannot fetch a newer one by itself).
golang() {
    local wanted=1.25.0 version=1.26.0 dir=$servers/go zip arch sum
    if command -v go >/dev/null &&
        printf 'go%s\n' "$wanted" "$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')" | sort -VC; then
        command -v go
        return
    fi
    case $(uname -m) in
    x86_64) arch=amd64 sum=38461905b98c59173672814302e222ab43b652274bc0c95817b08b71ab66b705 ;;
    aarch64) arch=arm64 sum=4c3f961bc257ff52e7a425166f9f75015f645dff071d01a81823455ffe646609 ;;
    *) return 1 ;;
    esac
    if [ ! -x "$dir/go$version/bin/go" ]; then
        say "Go $version"
        mkdir -p "$dir" && zip=$dir/$version.zip &&
            curl -fsSL --retry 3 -o "$zip" \
                "https://proxy.golang.org/golang.org/toolchain/@v/v0.0.1-go$version.linux-$arch.zip" &&
            sha256sum -c --quiet - <<<"$sum  $zip" >&2 &&
            rm -rf "$dir/unpacked" && python3 -m zipfile -e "$zip" "$dir/unpacked" &&
            chmod +x "$dir"/unpacked/golang.org/toolchain@*/{bin/*,pkg/tool/*/*} &&
            mv "$dir"/unpacked/golang.org/toolchain@* "$dir/go$version" &&
            rm -rf "$dir/unpacked" "$zip" || return 1
    fi
    echo "$dir/go$version/bin/go"
}

# go_server KIND PACKAGE@VERSION: builds the program of a server into build/servers/KIND.
go_server() {
    local dir=$servers/$1 stamp=$servers/$1/.${2//\//_} go
    [ -f "$stamp" ] && return 0
    mkdir -p "$dir"
    (
        flock 9
        [ -f "$stamp" ] && exit 0
        go=$(golang) || exit 1
        say "server $2"
        GOBIN=$dir GOTOOLCHAIN=local CGO_ENABLED=0 "$go" install "$2" >&2 && touch "$stamp"
    ) 9>"$dir/.lock"
}

# kafka_server: Apache Kafka by Maven, as tests/servers/kafka/pom.xml pins it, where tests/servers/kafka.py finds it.
kafka_server() {
    local pom=$root/tests/servers/kafka/pom.xml dir=$servers/kafka
    [ "$dir/.stamp" -nt "$pom" ] && return 0
    say "Apache Kafka"
    rm -rf "$dir/libs" "$dir/formatted" "$dir/classes.jsa"
    mvn -q -B -ntp -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/libs" >&2 ||
        return 1
    touch "$dir/.stamp"
}

s3_server() { go_server s3 github.com/versity/versitygw/cmd/versitygw@v1.8.0; }

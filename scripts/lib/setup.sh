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
        "$dir/.venv/bin/pip" install -q --disable-pip-version-check -r "$dir/requirements.txt" >&2 ||
        return 1
    touch "$dir/.venv/.stamp"
}

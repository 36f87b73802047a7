#!/bin/sh
# test_usage.sh REFLECTION: --help everywhere, documented exit codes, messages that say what to do.
reflection=$1
failed=0
export REFLECTION_DATA=/nonexistent/reflection
unset REFLECTION_URL

# expect CODE TEXT ARGUMENTS...
expect() {
    code=$1 text=$2
    shift 2
    out=$("$reflection" "$@" 2>&1)
    got=$?
    if [ "$got" != "$code" ] || ! printf '%s' "$out" | grep -qF -- "$text"; then
        echo "reflection $*: exit $got (wanted $code), wanted \"$text\" in: $out"
        failed=1
    fi
}

for c in up demo jam job workflow analyse keys call bench completion; do
    expect 0 "Usage: reflection $c" $c --help
done
expect 0 "Commands:" --help
expect 0 "reflection 0." --version
expect 2 "Commands:"
expect 2 "unknown command \"jbo\"" jbo
expect 2 "Usage: reflection job" job
expect 2 "Usage: reflection job" job fly
expect 2 "give a file" analyse
expect 2 "Usage: reflection workflow" workflow fly
expect 2 "--rps is a number" keys create --rps x
expect 2 "unexpected argument" up extra
expect 2 "unknown setting \"drain.secnds\"; near names: drain.seconds" up --set drain.secnds=1
expect 2 "--set is [SERVICE.]NAME=VALUE" up --set nothing
expect 3 "start one with \`reflection up\`" job list
expect 3 "start one with \`reflection up\`" workflow list
expect 3 "start one with \`reflection up\`" analyse x.wav
expect 0 "complete -F _reflection reflection" completion bash
"$reflection" completion bash | bash -n || failed=1
exit $failed

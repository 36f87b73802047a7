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

for c in up demo jam record recordings devices job workflow webhook analyse keys call bench completion; do
    expect 0 "Usage: reflection $c" $c --help
done
expect 0 "Commands:" --help
expect 0 "reflection 0." --version
expect 2 "Commands:"
expect 2 "unknown command \"jbo\"" jbo
expect 2 "Usage: reflection job" job
expect 2 "Usage: reflection job" job fly
expect 3 "start one with \`reflection up\`" job watch x
expect 2 "give a file" analyse
expect 2 "Usage: reflection workflow" workflow fly
expect 2 "Usage: reflection workflow" workflow add
expect 2 "Usage: reflection workflow" workflow list --replace
expect 1 "/nonexistent/x.json: No such file" workflow validate /nonexistent/x.json
expect 2 "Usage: reflection job dead" job dead
expect 2 "Usage: reflection job dead" job dead redrive
expect 2 "Usage: reflection job dead" job dead redrive --all x
expect 2 "--from is a time as 2026-01-31T18:00:00Z" job dead list --from yesterday
expect 2 "--weight is a number from 0 to 100" keys limits a --weight 101
expect 2 "--per-day is a number from 0 to 1000000000" keys limits a --per-day 1000000001
expect 2 "Usage: reflection webhook" webhook
expect 2 "Usage: reflection webhook" webhook fly
expect 2 "Usage: reflection webhook" webhook test
expect 2 "the secret is not whsec_" webhook test http://127.0.0.1:1/ --secret x
expect 3 "http://127.0.0.1:1/: " webhook test http://127.0.0.1:1/ --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
expect 3 "start one with \`reflection up\`" webhook secret
expect 2 "--rps is a number" keys create --rps x
expect 2 "unexpected argument" up extra
expect 2 "unknown setting \"drain.secnds\"; near names: drain.seconds" up --set drain.secnds=1
expect 2 "--set is [SERVICE.]NAME=VALUE" up --set nothing
expect 2 "--rate is a whole number of 8000 to 192000" record - --rate 7999
expect 2 "--channels is a whole number of 1 to 8" record - --channels 9
expect 2 "--sample-format is int8" record - --sample-format s16
expect 2 "--seconds is a number of more than 0" record - --seconds 0
expect 2 "--format is wav, flac, mp3, opus or pcm" record - --format aac
expect 2 "--option is NAME=VALUE" record - --option split
expect 2 "give one source" record - --file x.wav
expect 2 "unexpected argument" record extra words
expect 2 "Usage: reflection recordings" recordings
expect 2 "--limit is a whole number of 1 to 100000" recordings list --limit 0
expect 2 "unexpected argument" recordings list extra
expect 2 "unexpected argument" devices extra
expect 3 "start one with \`reflection up\`" record -
expect 3 "start one with \`reflection up\`" recordings list
expect 3 "start one with \`reflection up\`" devices
expect 3 "start one with \`reflection up\`" job list
expect 3 "start one with \`reflection up\`" workflow list
expect 3 "start one with \`reflection up\`" analyse x.wav
expect 0 "complete -F _reflection reflection" completion bash
"$reflection" completion bash | bash -n || failed=1
exit $failed

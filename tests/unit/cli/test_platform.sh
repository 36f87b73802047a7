#!/bin/bash
# The command line against a platform of its own, as a user types it.
set -u
reflection=$REFLECTION_BIN/reflection
work=$(mktemp -d)
export REFLECTION_DATA=$work/data
unset REFLECTION_URL REFLECTION_API_KEY REFLECTION_CA_FILE
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

"$reflection" up --http 127.0.0.1:0 --https 127.0.0.1:0 --ready-file "$work/ready" \
    --set fetch.allow_loopback=true --set job.log.level=warn >"$work/up.out" 2>"$work/up.err" &
up=$!
trap 'kill -TERM $up 2>/dev/null; wait $up; [ $failed = 0 ] || cat "$work/up.err"; rm -rf "$work"' EXIT
for _ in $(seq 200); do [ -s "$work/ready" ] && break; sleep 0.1; done
[ -s "$work/ready" ] || { fail "no ready file"; exit 1; }

for f in http_url https_url ca_file api_key internal pids; do
    grep -q "\"$f\"" "$work/ready" || fail "ready file has no $f"
done
[ "$(stat -c %a "$work/ready")" = 600 ] || fail "ready file is readable by others"
grep -q 'HTTPS' "$work/up.out" || fail "no table"
"$reflection" up --http 127.0.0.1:0 --https 127.0.0.1:0 2>&1 | grep -q 'already runs' || fail "two platforms in one directory"

"$reflection" workflow list | grep -q '^music-ai/generate-chords' || fail "workflow list"
"$reflection" workflow show sdk-test | grep -q '"slug": "sdk-test"' || fail "workflow show"

"$reflection" demo --out "$work/song.wav" >"$work/sheet" || fail "demo"
grep -q '^Key    G Major' "$work/sheet" || fail "key of the demo song: $(head -3 "$work/sheet")"
grep -Eq '^Tempo  11[12](\.[0-9]+)? bpm' "$work/sheet" || fail "tempo of the demo song: $(head -3 "$work/sheet")"
"$reflection" analyse "$work/song.wav" --json | grep -q '"chordMap"' || fail "analyse --json"

"$reflection" job run reflection/convert "$work/song.wav" --param format=flac --out "$work/out" || fail "job run"
[ "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$work/out/output.flac")" = flac ] || fail "no FLAC"
id=$("$reflection" job run music-ai/generate-chords "$work/song.wav" --no-wait)
"$reflection" job wait "$id" | grep -q '"status": "SUCCEEDED"' || fail "job wait"
"$reflection" job list --workflow music-ai/generate-chords | grep -q "$id" || fail "job list"
"$reflection" job show "$id" | grep -q '"attempts"' || fail "job show"
"$reflection" job delete "$id" >/dev/null || fail "job delete"
"$reflection" job show "$id" >/dev/null 2>&1 && fail "a deleted job is shown"
echo "no audio" >"$work/text.mp3"
"$reflection" analyse "$work/text.mp3" 2>&1 | grep -q 'not a supported audio file' || fail "error of a bad file"

key=$("$reflection" keys create second)
REFLECTION_API_KEY=$key "$reflection" workflow list >/dev/null || fail "a new key"
kid=$("$reflection" keys list | awk '$3 == "second" { print $1 }')
"$reflection" keys create second 2>&1 | grep -q 'has a key already; rotate it' || fail "an application has one active key"
successor=$("$reflection" keys rotate "$kid" --overlap 60) || fail "keys rotate"
for each in "$key" "$successor"; do
    REFLECTION_API_KEY=$each "$reflection" workflow list >/dev/null || fail "two keys work while one is rotated"
done
"$reflection" keys list | grep "$kid" | grep -q ' ends ' || fail "a rotated key is said to end"
"$reflection" keys rotate "$kid" 2>&1 | grep -q 'rotation is under way' || fail "one rotation at a time"
"$reflection" keys revoke "$kid" || fail "keys revoke"
"$reflection" keys list | grep "$kid" | grep -q ' revoked ' || fail "a revoked key is said to be"
REFLECTION_URL=$(sed -n 's/.*"https_url": "\(.*\)".*/\1/p' "$work/ready")
REFLECTION_CA_FILE=$REFLECTION_DATA/tls/ca.pem
export REFLECTION_URL REFLECTION_CA_FILE
REFLECTION_API_KEY=wrong "$reflection" workflow list >/dev/null 2>&1
[ $? = 4 ] || fail "a wrong key must end with 4"
unset REFLECTION_URL REFLECTION_CA_FILE

"$reflection" call "ipc://$REFLECTION_DATA/run/job.sock" | grep -q 'job.v1.JobService' || fail "call lists services"
"$reflection" call "ipc://$REFLECTION_DATA/run/job.sock" rpc.v1.Health/Check '{}' | grep -q SERVING_READY || fail "call Health"

kill -TERM $up
wait $up || fail "up ends with $?"
exit $failed

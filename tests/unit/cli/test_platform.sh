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
# Over TLS and plain, live and at once, and as a job: the same music.
pcm() { tail -c 1920000 "$1"; } # 5 s of float32 stereo
options="--style jazz,techno --bpm 124 --key Eb --scale dorian --seed 11 --seconds 5"
# shellcheck disable=SC2086
"$reflection" jam $options --out "$work/live.wav" >"$work/jam.out" </dev/null || fail "jam"
grep -q '^engine band  seed 11' "$work/jam.out" || fail "jam tells what plays: $(cat "$work/jam.out")"
[ "$(ffprobe -v error -show_entries stream=codec_name,sample_rate,channels,duration_ts -of csv=p=0 "$work/live.wav")" = pcm_f32le,48000,2,240000 ] || fail "the file of jam"
http=$(sed -n 's/.*"http_url": "\(.*\)".*/\1/p' "$work/ready")
apikey=$(sed -n 's/.*"api_key": "\(.*\)".*/\1/p' "$work/ready")
# shellcheck disable=SC2086
"$reflection" jam $options --out "$work/plain.wav" --pace realtime --url "$http" --api-key "$apikey" >/dev/null </dev/null || fail "jam over plain HTTP"
# shellcheck disable=SC2086
"$reflection" jam render $options --out "$work/once.wav" >/dev/null || fail "jam render"
for each in plain once; do
    cmp -s <(pcm "$work/live.wav") <(pcm "$work/$each.wav") || fail "jam: $each differs from live"
done
"$reflection" jam render --style lofi --seconds 2 --out "$work/once.flac" >/dev/null || fail "jam render in FLAC"
[ "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$work/once.flac")" = flac ] || fail "no FLAC of jam"
"$reflection" jam --bpm 500 --seconds 1 --out "$work/x.wav" 2>&1 </dev/null | grep -q 'bpm: must be 60 to 200' || fail "jam out of range"
"$reflection" jam render --bpm 500 --seconds 1 --out "$work/x.wav" 2>&1 | grep -q 'bpm: must be 60 to 200' || fail "jam render out of range"
"$reflection" jam --api-key wrong --seconds 1 --out "$work/x.wav" >/dev/null 2>&1 </dev/null
[ $? = 4 ] || fail "jam with a wrong key must end with 4"
"$reflection" job run reflection/jam --param styles=jazz --param seconds=3 --out "$work/music" >/dev/null || fail "the jam workflow"
[ "$(ffprobe -v error -show_entries stream=codec_name,duration_ts -of csv=p=0 "$work/music/audio.wav")" = pcm_s24le,144000 ] || fail "the file of the jam workflow"

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

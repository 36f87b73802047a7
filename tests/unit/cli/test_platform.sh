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

cat >"$work/mine.json" <<EOF
{"slug": "me/copy", "name": "Copy", "description": "", "pool": "cpu",
 "inputs": {"file": {"type": "url", "required": true}},
 "modules": [{"id": "c", "use": "copy", "in": {"url": "\$file"}}],
 "outputs": {"file": {"from": "c.file", "format": "auto"}}}
EOF
sed 's/"use": "copy"/"use": "kopy"/' "$work/mine.json" >"$work/bad.json"
"$reflection" workflow validate "$work/mine.json" | grep -q "workflow 'me/copy' is valid" || fail "workflow validate"
"$reflection" workflow validate "$work/bad.json" 2>&1 | grep -q "bad.json: module 'c': unknown module 'kopy'" || fail "workflow validate of a bad document"
"$reflection" workflow add "$work/mine.json" | grep -q '"slug": "me/copy"' || fail "workflow add"
sed 's/"Copy"/"Other"/' "$work/mine.json" >"$work/other.json"
"$reflection" workflow add "$work/other.json" 2>&1 | grep -q 'replace' || fail "workflow add of another document"
"$reflection" workflow add "$work/other.json" --replace | grep -q '"name": "Other"' || fail "workflow add --replace"
"$reflection" workflow list | grep -q '^me/copy ' || fail "workflow list shows one's own"
"$reflection" job run me/copy --param "file=@$work/mine.json" --out "$work/copied" || fail "a job of one's own workflow"
"$reflection" workflow remove me/copy >/dev/null || fail "workflow remove"
"$reflection" workflow show me/copy >/dev/null 2>&1 && fail "a removed workflow is shown"

"$reflection" demo --out "$work/song.wav" >"$work/sheet" || fail "demo"
grep -q '^Key    G Major' "$work/sheet" || fail "key of the demo song: $(head -3 "$work/sheet")"
grep -Eq '^Tempo  11[12](\.[0-9]+)? bpm' "$work/sheet" || fail "tempo of the demo song: $(head -3 "$work/sheet")"
"$reflection" analyse "$work/song.wav" --json | grep -q '"chordMap"' || fail "analyse --json"

"$reflection" job run reflection/convert "$work/song.wav" --param format=flac --out "$work/out" || fail "job run"
[ "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$work/out/output.flac")" = flac ] || fail "no FLAC"
id=$("$reflection" job run music-ai/generate-chords "$work/song.wav" --no-wait)
"$reflection" job wait "$id" | grep -q '"status": "SUCCEEDED"' || fail "job wait"
"$reflection" job watch "$id" | grep -q '^SUCCEEDED  100 %' || fail "job watch of a job that has ended"
id2=$("$reflection" job run music-ai/generate-chords "$work/song.wav" --no-wait)
"$reflection" job watch "$id2" >"$work/watched" || fail "job watch"
[ "$(tail -1 "$work/watched")" = "SUCCEEDED  100 %" ] || fail "job watch ends with the job: $(cat "$work/watched")"
id3=$("$reflection" job run sdk-test --param file=https://localhost:1/none --no-wait)
"$reflection" job watch "$id3" >"$work/watched" 2>&1 && fail "watching a job that fails must end with 1"
grep -q "job $id3 failed: " "$work/watched" || fail "job watch tells why: $(cat "$work/watched")"
"$reflection" job watch 00000000-0000-4000-8000-000000000000 2>&1 | grep -q 'HTTP 404' || fail "job watch of no job"
"$reflection" job list --workflow music-ai/generate-chords | grep -q "$id" || fail "job list"
"$reflection" job show "$id" | grep -q '"attempts"' || fail "job show"
"$reflection" job delete "$id" >/dev/null || fail "job delete"
"$reflection" job show "$id" >/dev/null 2>&1 && fail "a deleted job is shown"
"$reflection" job run sdk-test --param "file=@$work/mine.json" --batch "two words" --batch-size 1 --priority 9 --retention 3600 >/dev/null || fail "job run of a batch"
"$reflection" job batch "two words" | grep -q '"succeeded": 1' || fail "job batch"
"$reflection" job run sdk-test --param "file=@$work/mine.json" --priority 10 2>&1 | grep -q "priority must be" || fail "priority out of range"
"$reflection" job dead list || fail "job dead list"
"$reflection" job dead redrive --all | grep -q '^0 redriven' || fail "job dead redrive --all"
"$reflection" job dead redrive "$("$reflection" job run music-ai/generate-chords "$work/song.wav" --no-wait)" 2>&1 | grep -q 'not in the dead-letter list' || fail "job dead redrive of a live job"
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

secret=$("$reflection" webhook secret) || fail "webhook secret"
"$reflection" webhook secret 2>&1 >/dev/null | grep -q 'the secret before signs as well until' || fail "webhook secret twice"
mkfifo "$work/port"
python3 "$REFLECTION_SOURCE/tests/unit/outbox/receiver.py" >"$work/port" &
receiver=$!
exec 7<"$work/port"
read -r port <&7
"$reflection" webhook test "http://127.0.0.1:$port/ok" --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | grep -q '^delivered: HTTP 200' || fail "webhook test"
read -r path _ _ verified _ <&7
[ "$path $verified" = "/ok 1" ] || fail "webhook test signs: $path $verified"
REFLECTION_WEBHOOK_SECRET=$secret "$reflection" webhook test "http://127.0.0.1:$port/status/410" 2>&1 | grep -q 'HTTP 410: the platform would send nothing more' || fail "webhook test of a receiver that has gone"
kill $receiver
exec 7<&-

echo "no audio" >"$work/text.mp3"
"$reflection" analyse "$work/text.mp3" 2>&1 | grep -q 'not a supported audio file' || fail "error of a bad file"

key=$("$reflection" keys create second)
REFLECTION_API_KEY=$key "$reflection" workflow list >/dev/null || fail "a new key"
"$reflection" keys limits second --concurrency 3 --weight 2 | grep -q '^concurrency *3$' || fail "keys limits"
"$reflection" keys limits second | grep -q '^weight *2$' || fail "keys limits shows what is set"
"$reflection" keys limits second --per-day 1 | grep -q '^per-day *1$' || fail "keys limits --per-day"
"$reflection" keys limits second | grep -q '^today *0$' || fail "keys limits shows what was made today"
"$reflection" keys limits nobody 2>&1 | grep -q 'no such application' || fail "keys limits of nobody"
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
"$reflection" keys create third --scope recorder.device --scope jam.record >/dev/null || fail "keys create --scope"
"$reflection" keys list | grep ' third ' | grep -q ' jam.record recorder.device ' || fail "a key shows its scopes"
"$reflection" keys create fourth --scope everything 2>&1 | grep -q 'scopes must be' || fail "an unknown scope is refused"
REFLECTION_URL=$(sed -n 's/.*"https_url": "\(.*\)".*/\1/p' "$work/ready")
REFLECTION_CA_FILE=$REFLECTION_DATA/tls/ca.pem
export REFLECTION_URL REFLECTION_CA_FILE
REFLECTION_API_KEY=wrong "$reflection" workflow list >/dev/null 2>&1
[ $? = 4 ] || fail "a wrong key must end with 4"
unset REFLECTION_URL REFLECTION_CA_FILE

"$reflection" call "ipc://$REFLECTION_DATA/run/job.sock" | grep -q 'job.v1.JobService' || fail "call lists services"
"$reflection" call "ipc://$REFLECTION_DATA/run/job.sock" rpc.v1.Health/Check '{}' | grep -q SERVING_READY || fail "call Health"

"$reflection" up --data "$work/other" --only gateway,tea 2>&1 | grep -q 'there is no service "tea"' || fail "up --only tea"
"$reflection" up --data "$work/other" --http 127.0.0.1:0 --https 127.0.0.1:0 --tied </dev/null 2>&1 | grep -q 'needs a pipe' || fail "up --tied without a pipe"
{ for _ in $(seq 200); do [ -s "$work/few" ] && break; sleep 0.1; done; } |
    "$reflection" up --data "$work/other" --http 127.0.0.1:0 --https 127.0.0.1:0 --ready-file "$work/few" --only gateway,job --tied >/dev/null 2>&1
[ $? = 0 ] || fail "up --tied ends when its input does"
[ "$(grep -Ec '"(gateway|job|jam|recorder|processor)": [0-9]' "$work/few")" = 2 ] || fail "up --only starts these alone: $(cat "$work/few")"

kill -TERM $up
wait $up || fail "up ends with $?"
exit $failed

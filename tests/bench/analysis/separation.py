"""The rows of stems and drums: how far each output is from the true stem, beside the mix and beside ideal masks."""
import statistics

STEMS = ("vocals", "accompaniments", "kick", "snare", "rest")
PARTNER = {"accompaniments": "vocals", "rest": "kick"}  # without it there is nothing to take from the mix
LEAST_DB, ROOM_DB = 3, 6
TREATMENTS = ("mono", "clipped", "mp3")


def median_row(row, figure, values, bound=LEAST_DB):
    value = statistics.median(values)
    holds = None if bound is None else value >= bound
    return row(figure, "dB", value, None if bound is None else f">= {bound:g}", holds)


def with_stem(found, stem):
    """Pieces in which this stem, and what is to be taken from it, sounds."""
    needed = [f"{stem} sdr", f"{stem} mix", f"{stem} ideal", f"{PARTNER.get(stem, stem)} sdr"]
    return [r for r in found if all(r.get(key) is not None for key in needed)]


def gain(r, stem, what="sdr"):
    return r[f"{stem} {what}"] - r[f"{stem} mix"]


def stem_rows(row, found, stem):
    done = with_stem(found, stem)
    if not done:
        return []
    gains = [gain(r, stem) for r in done]
    rows = [median_row(row, f"SDR of {stem}, silence has 0", [r[f"{stem} sdr"] for r in done]),
            median_row(row, f"SDR of {stem} above the mix", gains),
            median_row(row, f"SDR of {stem} above the mix, ideal masks", [gain(r, stem, "ideal") for r in done], None)]
    roomy = [g for r, g in zip(done, gains) if gain(r, stem, "ideal") >= ROOM_DB and r[f"{stem} ideal"] >= ROOM_DB]
    if roomy:
        rows.append(median_row(row, f"SDR of {stem} above the mix, {len(roomy)} of {len(done)} where ideal masks reach {ROOM_DB} dB", roomy))
    if stem in PARTNER:
        joint = [r[f"{stem} joint sdr"] - r[f"{stem} joint mix"] for r in done if r.get(f"{stem} joint sdr") is not None]
        rows.append(median_row(row, f"SDR of {stem} above the mix, seconds in which all stems sound", joint))
    share = sum(g >= LEAST_DB for g in gains) / len(gains)
    rows.append(row(f"pieces where {stem} gains {LEAST_DB} dB", "0-1", share, None, None))
    return rows


def onset_rows(row, found, drum):
    done = [r for r in found if r.get(f"{drum} onset f") is not None]
    if not done:
        return []
    mean = lambda what: statistics.mean(r[f"{drum} onset {what}"] for r in done)
    return [row(f"onsets of {drum}, F at 50 ms", "0-1", mean("f"), ">= 0.85", mean("f") >= 0.85, "detector on true stem", mean("ideal")),
            row(f"onsets of {drum}, F at 50 ms", "0-1", mean("f"), ">= peer", mean("f") >= mean("mix"), "detector on mix", mean("mix"))]


def treated_rows(row, measure):
    """The same songs as others may send them, and songs that lack what is looked for."""
    rows = []
    for treatment in TREATMENTS:
        found = measure(treatment)
        for stem in STEMS:
            gains = [gain(r, stem) for r in with_stem(found, stem)]
            rows += [median_row(row, f"SDR of {stem} above the mix, {treatment}", gains)] if gains else []
    for treatment, stems in (("no-vocals", ("vocals",)), ("no-drums", ("kick", "snare"))):
        found = measure(treatment)
        for stem in stems:
            level = statistics.median(r[f"{stem} found"] for r in found)
            rows.append(row(f"level of {stem} against the mix, {treatment}", "dB", level, "<= -15", level <= -15))
    return rows


def separation_rows(row, measure):
    """row makes a row of the table; measure(treatment) gives the lines of corpus_separate."""
    found = measure("plain")
    rows = [r for stem in STEMS for r in stem_rows(row, found, stem)]
    rows += [r for drum in ("kick", "snare") for r in onset_rows(row, found, drum)]
    rows += treated_rows(row, measure)
    for task, key in (("stems", "vocals seconds"), ("drums", "kick seconds")):
        speed = sum(r["duration"] for r in found) / sum(r[key] for r in found)
        rows.append(row(f"speed of {task}, one thread", "x real time", speed, ">= 5", speed >= 5))
    return rows

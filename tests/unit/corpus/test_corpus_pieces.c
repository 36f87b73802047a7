/* The composer: repeatable, varied as claimed, and annotated consistently. */
#include "corpus_metrics.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define N_PIECES 104

Test(pieces, equal_numbers_give_equal_pieces)
{
    corpus_piece *a = corpus_piece_new(CORPUS_GATE, 7);
    corpus_piece *b = corpus_piece_new(CORPUS_GATE, 7);
    cr_assert_eq(a->n_beats, b->n_beats);
    cr_expect_arr_eq(a->beats_s, b->beats_s, (size_t)a->n_beats * sizeof(double));
    cr_assert_eq(a->n_tracks, b->n_tracks);
    for (int i = 0; i < a->n_tracks; i++) {
        cr_assert_eq(a->tracks[i].n_notes, b->tracks[i].n_notes);
        cr_expect_arr_eq(a->tracks[i].notes, b->tracks[i].notes,
                         a->tracks[i].n_notes * sizeof(corpus_note));
    }
    corpus_piece_free(a);
    corpus_piece_free(b);
}

Test(pieces, halves_differ)
{
    corpus_piece *a = corpus_piece_new(CORPUS_TUNE, 3);
    corpus_piece *b = corpus_piece_new(CORPUS_GATE, 3);
    cr_expect_neq(a->bpm, b->bpm);
    corpus_piece_free(a);
    corpus_piece_free(b);
}

static void check_spans(const corpus_span *spans, size_t n, double duration_s, const char *name)
{
    cr_assert_gt(n, 0);
    cr_expect_eq(spans[0].start_s, 0, "%s starts at %f", name, spans[0].start_s);
    for (size_t i = 1; i < n; i++) {
        cr_expect_eq(spans[i].start_s, spans[i - 1].end_s, "%s has a gap at %zu", name, i);
    }
    cr_expect(fabs(spans[n - 1].end_s - duration_s) < 1e-6, "%s", name);
}

Test(pieces, truths_are_whole_and_score_perfectly_against_themselves)
{
    for (int i = 0; i < N_PIECES; i++) {
        corpus_piece *piece = corpus_piece_new(CORPUS_TUNE, i);
        corpus_truth truth;
        corpus_truth_of(piece, &truth);
        check_spans(truth.chords, truth.n_chords, truth.duration_s, truth.name);
        check_spans(truth.sections, truth.n_sections, truth.duration_s, truth.name);
        double recall = 0;
        cr_assert_eq(corpus_chord_recall(&truth, &truth, CORPUS_SEVENTHS, &recall), 0,
                     "%s: every label follows the grammar", truth.name);
        cr_expect_eq(recall, 1);
        cr_expect_eq(corpus_beat_f(&truth, &truth), 1);
        cr_expect_eq(corpus_section_f(&truth, &truth, 0.5), 1);
        corpus_truth_done(&truth);
        corpus_piece_free(piece);
    }
}

typedef struct census {
    bool keys[24], meters[8];
    double slowest_bpm, fastest_bpm;
    int mono, clipped, without_drums, with_voice, detuned, with_noise, drifting;
} census;

static void count_piece(const corpus_piece *piece, census *c)
{
    bool drums = false, voice = false;
    for (int i = 0; i < piece->n_tracks; i++) {
        drums |= piece->tracks[i].stem == CORPUS_KICK;
        voice |= piece->tracks[i].stem == CORPUS_VOCALS;
    }
    double first = piece->beats_s[1] - piece->beats_s[0];
    double middle = piece->beats_s[piece->n_beats / 2 + 1] - piece->beats_s[piece->n_beats / 2];
    c->keys[piece->tonic + 12 * piece->is_minor] = true;
    c->meters[piece->style->meter] = true;
    c->slowest_bpm = fmin(c->slowest_bpm, piece->bpm);
    c->fastest_bpm = fmax(c->fastest_bpm, piece->bpm);
    c->mono += piece->sound.width < 0.1;
    c->clipped += piece->sound.overdrive_db > 0;
    c->without_drums += !drums;
    c->with_voice += voice;
    c->detuned += fabs(piece->sound.detune_cents) > 15;
    c->with_noise += piece->sound.head != CORPUS_SILENCE || piece->sound.tail != CORPUS_SILENCE;
    c->drifting += fabs(first / middle - 1) > 0.005;
}

Test(pieces, each_half_is_as_varied_as_music)
{
    for (int half = CORPUS_TUNE; half <= CORPUS_GATE; half++) {
        census c = {.slowest_bpm = 1e9};
        for (int i = 0; i < N_PIECES; i++) {
            corpus_piece *piece = corpus_piece_new((corpus_half)half, i);
            cr_expect(piece->duration_s > 30 && piece->duration_s < 95, "%s lasts %f s",
                      piece->name, piece->duration_s);
            count_piece(piece, &c);
            corpus_piece_free(piece);
        }
        int keys = 0;
        for (int i = 0; i < 24; i++) {
            keys += c.keys[i];
        }
        cr_expect_geq(keys, 22);
        cr_expect(c.meters[2] && c.meters[3] && c.meters[4]);
        cr_expect(c.slowest_bpm < 68 && c.fastest_bpm > 170, "%f to %f", c.slowest_bpm,
                  c.fastest_bpm);
        cr_expect_geq(c.mono, 8);
        cr_expect_geq(c.clipped, 10);
        cr_expect_geq(c.without_drums, 12);
        cr_expect_geq(c.with_voice, 40);
        cr_expect_geq(c.detuned, 20);
        cr_expect_geq(c.with_noise, 10);
        cr_expect_geq(c.drifting, 20);
    }
}

/*
 * analysis_split.h - splits audio into stems by soft masks on its short-time spectrum.
 *
 * The audio is worked through in segments of 20 s with 4 s of context on both sides, so that memory
 * does not grow with its length. For each bin of the spectrum features are gathered (stereo
 * picture; medians over time and frequency, Fitzgerald, "Harmonic/Percussive Separation Using
 * Median Filtering", 2010; likeness to similar frames, Rafii, Pardo, "Music/Voice Separation Using
 * the Similarity Matrix", 2012; a comb on the predominant pitch). One small network looks at the
 * bands of the frame and of its neighbours in time and says how much of each band belongs to each
 * stem; another says it for each bin, from the features and from what the first found. Both are
 * trained on the tuning half of the synthetic corpus, mixed anew. The last stem is what the others
 * leave: the stems sum to the input.
 */
#ifndef ANALYSIS_SPLIT_H
#define ANALYSIS_SPLIT_H

#include "analysis.h"
#include "analysis_net.h"
#include "analysis_templates.h"

#define ANALYSIS_SPLIT_MAX_STEMS 4

/* Where the stems go. write gets consecutive blocks that together have the input's frames:
 * stems[s][c][i], borrowed for the call. A negative return stops the split, which returns it. */
typedef struct analysis_sink {
    int (*write)(void *user, const float *const *const *stems, size_t n_frames);
    void *user;
} analysis_sink;

typedef struct analysis_split_model {
    int n_stems;
    double window_s; /* about; the transform is the nearest power of two */
    /* Outputs: for each stem but the last its share of each band, then ANALYSIS_N_CONTEXT. */
    const analysis_context_net *context;
    /* Inputs: the features of a bin, its bands' shares, the context. Outputs: the masks. */
    const analysis_net *net;
} analysis_split_model;

/* analysis_split_run splits with a model; control and errors as analysis.h says. Non-finite samples
 * count as silence, and in the sum too. */
int analysis_split_run(const analysis_audio *audio, const analysis_split_model *model,
                       const analysis_control *control, const analysis_sink *sink);

/* ---- between the files of the splitter ---- */

typedef enum analysis_feature {
    ANALYSIS_FEATURE_FREQUENCY,
    ANALYSIS_FEATURE_CENTRE,  /* in phase and equally loud on both channels */
    ANALYSIS_FEATURE_BALANCE, /* louder on one side */
    ANALYSIS_FEATURE_WIDTH,   /* of the whole frame: 0 for mono */
    ANALYSIS_FEATURE_HARMONIC,
    ANALYSIS_FEATURE_STEADY,     /* median over time against the bin, in logarithms */
    ANALYSIS_FEATURE_PERCUSSIVE, /* median over frequency against the bin */
    ANALYSIS_FEATURE_HELD,       /* median over a longer time */
    ANALYSIS_FEATURE_REPEATED,   /* median of similar frames */
    ANALYSIS_FEATURE_PEAK,       /* bin against its neighbourhood */
    ANALYSIS_FEATURE_RISE,
    ANALYSIS_FEATURE_FALL,
    ANALYSIS_FEATURE_COMB, /* nearness to a harmonic of the predominant pitch */
    ANALYSIS_FEATURE_VOICING,
    ANALYSIS_FEATURE_LEVEL, /* of the bin against the loudest of the segment */
    ANALYSIS_FEATURE_ONSET_LOW,
    ANALYSIS_FEATURE_ONSET_MIDDLE,
    ANALYSIS_FEATURE_ONSET_HIGH,
    ANALYSIS_FEATURE_KICK,  /* share of the kick's templates in the bin */
    ANALYSIS_FEATURE_SNARE, /* share of the snare's templates in the bin */
    ANALYSIS_N_FEATURES,
} analysis_feature;

/* Of each band of a frame, see analysis_templates.h. */
typedef enum analysis_frame_feature {
    ANALYSIS_FRAME_LEVEL, /* logarithmic, against the segment's */
    ANALYSIS_FRAME_SIDES, /* share of what is not in the centre */
    ANALYSIS_FRAME_CREST, /* loudest bin against the mean */
    ANALYSIS_N_FRAME_PLANES,
} analysis_frame_feature;

#define ANALYSIS_N_FRAME_FEATURES (ANALYSIS_N_FRAME_PLANES * ANALYSIS_N_BANDS)
#define ANALYSIS_N_CONTEXT 8 /* what a frame's context tells all of its bins */

#define ANALYSIS_SPLIT_TOP_HZ 16000.0 /* above, the mask of the topmost bin holds */

/* The planes that features are made of, of one segment. */
typedef struct analysis_planes {
    size_t n_times, n_bins;
    double bin_hz, time_s; /* spacing */
    float *level;          /* [n_times][n_bins] magnitudes */
    float *centre, *balance;
} analysis_planes;

typedef struct analysis_features analysis_features;

/* analysis_features_new prepares the features of a segment; the planes are borrowed until
 * analysis_features_free. Returns 0, -ENOMEM or -ECANCELED. */
int analysis_features_new(const analysis_planes *planes, const analysis_control *control,
                          analysis_features **ret);
analysis_features *analysis_features_free(analysis_features *features);

/* analysis_features_at writes the features of one time, out[ANALYSIS_N_FEATURES][n_bins]. */
void analysis_features_at(analysis_features *features, size_t time, float *out);

/* analysis_features_frame gives those of a whole frame,
 * [ANALYSIS_N_FRAME_PLANES][ANALYSIS_N_BANDS], borrowed until analysis_features_free. */
const float *analysis_features_frame(const analysis_features *features, size_t time);

#endif

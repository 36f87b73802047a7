/*
 * jam_parking.h - sessions at rest in the object store, below jam/parked/, from where any process
 * of the service may take them up by a token (jam.md section 9, drain):
 *
 *     jam/parked/s-<id>               the session (jam_parked.h)
 *     jam/parked/t-<hash of a token>  its id
 *
 * Files block, so each call is an errand on the pool's lane HOUSE. Owner loop; the callback comes
 * there too.
 */
#ifndef JAM_PARKING_H
#define JAM_PARKING_H

#include "jam_parked.h"
#include "jam_service.h"

typedef struct jam_errand jam_errand;

/* err: 0, or a negative errno; -ENOENT when there is no such session (any more). parked is the
 * callee's (get), NULL else. The errand is gone. */
typedef void (*jam_errand_fn)(void *user, int err, jam_parked *parked);

/* jam_parking_put writes a session and takes it. */
jam_errand *jam_parking_put(jam_service *service, jam_parked *parked, jam_errand_fn done,
                            void *user);

/* jam_parking_get reads the session that a token belongs to. */
jam_errand *jam_parking_get(jam_service *service, const char *token, jam_errand_fn done,
                            void *user);

/* jam_parking_claim removes a session that was read: whoever succeeds goes on with it. */
jam_errand *jam_parking_claim(jam_service *service, const jam_parked *parked, jam_errand_fn done,
                              void *user);

/* jam_parking_sweep removes what is too old to be taken up. */
void jam_parking_sweep(jam_service *service);

/* jam_errand_forget: the callback is not wanted any more; the work is done all the same. */
void jam_errand_forget(jam_errand *errand);

#endif

/* Calls made on behalf of a server call end when it does. One lock for the whole process: it is
 * taken only for calls that have a parent or children. Inside a hub's lock it may be taken, not the
 * other way round. */
#include "rf_rpc_internal.h"

static pthread_mutex_t family_mutex = PTHREAD_MUTEX_INITIALIZER;

void rf_rpc_family_join(rf_rpc_call *parent, rf_rpc_call *child)
{
    (void)pthread_mutex_lock(&family_mutex);
    child->parent = parent;
    child->prev_sibling = NULL;
    child->next_sibling = parent->first_child;
    if (parent->first_child != NULL) {
        parent->first_child->prev_sibling = child;
    }
    __atomic_store_n(&parent->first_child, child, __ATOMIC_RELEASE);
    (void)pthread_mutex_unlock(&family_mutex);
}

static void unlink_child(rf_rpc_call *child)
{
    if (child->prev_sibling != NULL) {
        child->prev_sibling->next_sibling = child->next_sibling;
    } else {
        __atomic_store_n(&child->parent->first_child, child->next_sibling, __ATOMIC_RELEASE);
    }
    if (child->next_sibling != NULL) {
        child->next_sibling->prev_sibling = child->prev_sibling;
    }
    __atomic_store_n(&child->parent, NULL, __ATOMIC_RELEASE);
}

void rf_rpc_family_leave(rf_rpc_call *call)
{
    if (__atomic_load_n(&call->parent, __ATOMIC_ACQUIRE) == NULL &&
        __atomic_load_n(&call->first_child, __ATOMIC_ACQUIRE) == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&family_mutex);
    if (call->parent != NULL) {
        unlink_child(call);
    }
    while (call->first_child != NULL) {
        unlink_child(call->first_child);
    }
    (void)pthread_mutex_unlock(&family_mutex);
}

/* Takes one child out with a reference, unless its last one has just gone. */
static rf_rpc_call *take_child(rf_rpc_call *parent)
{
    (void)pthread_mutex_lock(&family_mutex);
    rf_rpc_call *child = NULL;
    while (child == NULL && parent->first_child != NULL) {
        child = parent->first_child;
        unlink_child(child);
        unsigned refs = __atomic_load_n(&child->refs, __ATOMIC_ACQUIRE);
        while (refs > 0 && !__atomic_compare_exchange_n(&child->refs, &refs, refs + 1, true,
                                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        }
        if (refs == 0) {
            child = NULL;
        }
    }
    if (child != NULL) {
        rf_rpc_hub_ref(child->hub);
    }
    (void)pthread_mutex_unlock(&family_mutex);
    return child;
}

void rf_rpc_family_cancel(rf_rpc_call *parent)
{
    while (__atomic_load_n(&parent->first_child, __ATOMIC_ACQUIRE) != NULL) {
        rf_rpc_call *child = take_child(parent);
        if (child == NULL) {
            continue;
        }
        rf_rpc_hub *hub = child->hub;
        rf_status st;
        (void)rf_status_set(&st, RF_CANCELLED, "the call it was made for has ended");
        rf_rpc_hub_lock(hub);
        rf_rpc_abort_locked(child, &st);
        rf_rpc_call_unref_locked(child);
        rf_rpc_hub_unlock(hub);
        rf_rpc_hub_unref(hub);
    }
}

/* Retention: records go from the front of a partition, rows when all their records are gone. */
#include "rf_bus_local.h"

#include "rf_bus_local_chunk.h"
#include "rf_time.h"

#define TRIM_ROWS 2000          /* dropped from one partition at once */
#define TRIM_BYTES (16LL << 20) /* the same, unless a single row is larger */

/* Drops records of the oldest row while the partition holds more than max_bytes. */
static int trim_row(rf_bus_local *local, int64_t row_id, int64_t row_first, int64_t max_bytes,
                    rf_bus_part *part)
{
    sqlite3_stmt *stmt = RF_BUS_ASK(local->db, RF_BUS_SQL_LOG_CHUNK, row_id);
    int err = rf_bus_db_step(local->db, stmt);
    const uint8_t *at = err > 0 ? sqlite3_column_blob(stmt, 0) : NULL;
    size_t left = err > 0 ? (size_t)sqlite3_column_bytes(stmt, 0) : 0;
    err = RF_MIN(err, 0);
    for (int64_t offset = row_first; err == 0 && left > 0 && part->bytes > max_bytes; offset++) {
        rf_bus_chunk_record r;
        err = rf_bus_chunk_take(&at, &left, &r);
        if (err == 0 && offset >= part->first) {
            part->bytes -= (int64_t)rf_bus_chunk_payload(&r);
            part->cut += (int64_t)rf_bus_chunk_payload(&r);
            part->first = offset + 1;
        }
    }
    sqlite3_reset(stmt);
    return err;
}

/* What to do about one row. */
typedef enum verdict { KEEP, DROP_SOME, DROP_ALL } verdict;

static verdict judge(bool is_old, int64_t row_bytes, int64_t max_bytes, const rf_bus_part *part)
{
    if (is_old) {
        return DROP_ALL;
    }
    if (part->bytes <= max_bytes) {
        return KEEP;
    }
    return part->bytes - row_bytes >= max_bytes ? DROP_ALL : DROP_SOME;
}

int rf_bus_local_trim_part(rf_bus_local *local, int64_t part_id, int64_t before_ms,
                           int64_t max_bytes, rf_bus_part *part, bool *more)
{
    int64_t begin = RF_BUS_ROW(part_id, 0);
    int64_t id = begin;
    int64_t dropped = 0;
    int64_t row_bytes = 0;
    verdict v = DROP_ALL;
    int n = 0;
    sqlite3_stmt *stmt =
        RF_BUS_ASK(local->db, RF_BUS_SQL_LOG_OLDEST, begin, RF_BUS_ROW(part_id + 1, 0), TRIM_ROWS);
    int row = rf_bus_db_step(local->db, stmt);
    for (; row > 0 && dropped < TRIM_BYTES; row = rf_bus_db_step(local->db, stmt)) {
        id = sqlite3_column_int64(stmt, 0);
        row_bytes = sqlite3_column_int64(stmt, 3) - part->cut;
        v = judge(sqlite3_column_int64(stmt, 1) < before_ms, row_bytes, max_bytes, part);
        if (v != DROP_ALL) {
            break;
        }
        part->first = id - begin + sqlite3_column_int64(stmt, 2);
        part->bytes -= row_bytes;
        part->cut = 0;
        dropped += row_bytes;
        n++;
    }
    sqlite3_reset(stmt);
    *more = (row > 0 && v == DROP_ALL) || n == TRIM_ROWS;
    int err = RF_MIN(row, 0);
    if (err == 0 && n > 0) {
        err = rf_bus_db_run(local->db,
                            RF_BUS_ASK(local->db, RF_BUS_SQL_LOG_DROP, begin, begin + part->first));
    }
    return err == 0 && v == DROP_SOME ? trim_row(local, id, id - begin, max_bytes, part) : err;
}

static int trim_whole(rf_bus_local *local, int64_t part_id, int64_t before_ms, bool *more)
{
    rf_bus_part part = {0};
    int err = rf_bus_local_part_load(local, part_id, &part);
    int64_t first = part.first;
    if (err == 0) {
        err = rf_bus_local_trim_part(local, part_id, before_ms, local->config.retention_bytes,
                                     &part, more);
    }
    return err < 0 || part.first == first ? err : rf_bus_local_part_store(local, part_id, &part);
}

int rf_bus_local_trim(rf_bus_local *local, bool *ret_more)
{
    int64_t before_ms = rf_time_wall_ms() - local->config.retention_ms;
    sqlite3_stmt *stmt = rf_bus_db_ask(local->db, RF_BUS_SQL_PART_LAST, 0, NULL);
    int row = rf_bus_db_step(local->db, stmt);
    int64_t last = row > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    int err = RF_MIN(row, 0);
    *ret_more = false;
    for (int64_t id = 1; err == 0 && id <= last; id++) {
        bool more = false;
        err = trim_whole(local, id, before_ms, &more);
        *ret_more |= more;
    }
    return err;
}

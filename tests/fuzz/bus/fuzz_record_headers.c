/* Any bytes as the headers of a record: decode refuses them or gives what encode makes them of. */
#include "rf_bus_headers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rf_bus_header headers[RF_BUS_MAX_HEADERS];
    int n = rf_bus_headers_decode(data, size, headers);
    if (n > 0) {
        uint8_t *again = malloc(size);
        if (again == NULL || rf_bus_headers_size(headers, (size_t)n) != size) {
            abort();
        }
        rf_bus_headers_encode(headers, (size_t)n, again);
        if (memcmp(again, data, size) != 0) {
            abort();
        }
        free(again);
    }
    return 0;
}

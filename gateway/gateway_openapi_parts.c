#include "gateway_openapi.h"

const gateway_openapi_schema gateway_openapi_schemas[] = {
    {"Any", "{\"type\":\"object\"}"},
    {"Empty", "{\"type\":\"object\",\"maxProperties\":0}"},
    {"Health", "{\"type\":\"object\",\"required\":[\"status\"],"
               "\"properties\":{\"status\":{\"type\":\"string\"}}}"},
    {"Error", "{\"type\":\"object\",\"required\":[\"code\",\"title\",\"message\"],"
              "\"properties\":{\"code\":{\"type\":\"string\"},"
              "\"title\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}"},
    {"FieldError", "{\"type\":\"object\",\"required\":[\"code\",\"title\",\"message\",\"field\","
                   "\"limit\"],\"properties\":{\"code\":{\"type\":\"string\"},"
                   "\"title\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
                   "\"field\":{\"type\":[\"string\",\"null\"]},\"limit\":{\"type\":[\"object\","
                   "\"null\"],\"properties\":{\"min\":{\"type\":\"number\"},"
                   "\"max\":{\"type\":\"number\"}}}}}"},
    {"JobId", "{\"type\":\"object\",\"required\":[\"id\"],"
              "\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"}}}"},
    {"JobState", "{\"type\":\"object\",\"required\":[\"id\",\"status\"],"
                 "\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"},"
                 "\"status\":{\"type\":\"string\",\"enum\":[\"QUEUED\",\"STARTED\","
                 "\"SUCCEEDED\",\"FAILED\"]}}}"},
    {"NewJob", "{\"type\":\"object\",\"required\":[\"name\",\"workflow\",\"params\"],"
               "\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,"
               "\"maxLength\":256},\"workflow\":{\"type\":\"string\","
               "\"description\":\"slug\"},\"params\":{\"type\":\"object\","
               "\"description\":\"at most 65536 bytes\"},\"metadata\":{\"type\":\"object\","
               "\"description\":\"at most 16384 bytes\"},"
               "\"copyResultsTo\":{\"type\":\"object\","
               "\"additionalProperties\":{\"type\":\"string\",\"format\":\"uri\"},"
               "\"maxProperties\":64},\"priority\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":"
               "9,\"default\":5},\"batchName\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":"
               "128},\"batchSize\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000},"
               "\"retentionSeconds\":{\"type\":\"integer\",\"minimum\":3600,\"maximum\":2592000},"
               "\"reuse\":{\"type\":\"boolean\",\"default\":true},"
               "\"webhook\":{\"type\":\"object\",\"required\":[\"url\"],"
               "\"properties\":{\"url\":{\"type\":\"string\",\"format\":\"uri\"},\"events\":{"
               "\"type\":\"array\",\"maxItems\":16,\"items\":{\"enum\":[\"job.started\","
               "\"job.succeeded\",\"job.failed\",\"batch.completed\"]},"
               "\"default\":[\"job.succeeded\",\"job.failed\"]}}}}}"},
    {"WebhookSecret",
     "{\"type\":\"object\",\"required\":[\"secret\",\"previousUntil\"],\"properties\":{"
     "\"secret\":{\"type\":\"string\",\"pattern\":\"^whsec_\"},"
     "\"previousUntil\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}}"},
    {"Job", "{\"type\":\"object\",\"required\":[\"id\",\"app\",\"name\",\"batchName\","
            "\"metadata\",\"workflow\",\"workflowParams\",\"status\",\"error\",\"result\","
            "\"createdAt\",\"startedAt\",\"completedAt\"],"
            "\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"},"
            "\"app\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"
            "\"batchName\":{\"type\":[\"string\",\"null\"]},"
            "\"metadata\":{\"type\":\"object\"},\"workflow\":{\"type\":\"string\"},"
            "\"workflowParams\":{\"type\":\"object\"},\"status\":{\"type\":\"string\","
            "\"enum\":[\"QUEUED\",\"STARTED\",\"SUCCEEDED\",\"FAILED\"]},"
            "\"error\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Error\"},"
            "{\"type\":\"null\"}]},\"result\":{\"type\":[\"object\",\"null\"],"
            "\"additionalProperties\":{\"type\":\"string\"}},"
            "\"createdAt\":{\"type\":\"string\",\"format\":\"date-time\"},"
            "\"startedAt\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
            "\"completedAt\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}}"},
    {"JobList", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Job\"}}"},
    {"Upload", "{\"type\":\"object\",\"required\":[\"uploadUrl\",\"downloadUrl\"],"
               "\"properties\":{\"uploadUrl\":{\"type\":\"string\",\"format\":\"uri\"},"
               "\"downloadUrl\":{\"type\":\"string\",\"format\":\"uri\"}}}"},
    {"Workflow", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"slug\",\"description\","
                 "\"createdAt\",\"updatedAt\"],\"properties\":{\"id\":{\"type\":\"string\","
                 "\"format\":\"uuid\"},\"name\":{\"type\":\"string\"},"
                 "\"slug\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"},"
                 "\"createdAt\":{\"type\":\"string\",\"format\":\"date-time\"},"
                 "\"updatedAt\":{\"type\":\"string\",\"format\":\"date-time\"},"
                 "\"inputs\":{\"type\":[\"object\",\"null\"]},\"outputs\":{\"type\":[\"object\","
                 "\"null\"]}}}"},
    {"WorkflowList", "{\"type\":\"object\",\"required\":[\"workflows\"],"
                     "\"properties\":{\"workflows\":{\"type\":\"array\","
                     "\"items\":{\"$ref\":\"#/components/schemas/Workflow\"}}}}"},
    {"Batch", "{\"type\":\"object\",\"required\":[\"batchName\",\"total\",\"queued\",\"started\","
              "\"succeeded\",\"failed\",\"createdAt\",\"completedAt\"],"
              "\"properties\":{\"batchName\":{\"type\":\"string\"},"
              "\"total\":{\"type\":\"integer\"},\"queued\":{\"type\":\"integer\"},"
              "\"started\":{\"type\":\"integer\"},\"succeeded\":{\"type\":\"integer\"},"
              "\"failed\":{\"type\":\"integer\"},"
              "\"createdAt\":{\"type\":\"string\",\"format\":\"date-time\"},"
              "\"completedAt\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}}"},
    {"WorkflowId", "{\"type\":\"object\",\"required\":[\"id\"],"
                   "\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"}}}"},
    {"NewWorkflow",
     "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"slug\",\"name\","
     "\"description\",\"pool\",\"inputs\",\"modules\",\"outputs\"],"
     "\"properties\":{\"slug\":{\"type\":\"string\","
     "\"pattern\":\"^[a-z0-9-]{1,63}(/[a-z0-9-]{1,63})?$\"},"
     "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256},"
     "\"description\":{\"type\":\"string\",\"maxLength\":2000},"
     "\"pool\":{\"enum\":[\"cpu\",\"gpu\",\"t2v\",\"jam\"]},"
     "\"limitSeconds\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":86400,"
     "\"default\":1800},\"deterministic\":{\"type\":\"boolean\",\"default\":false},"
     "\"inputs\":{\"type\":\"object\",\"maxProperties\":32},"
     "\"constraints\":{\"type\":\"array\"},"
     "\"modules\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,"
     "\"items\":{\"type\":\"object\",\"required\":[\"id\",\"use\"],"
     "\"properties\":{\"id\":{\"type\":\"string\"},\"use\":{\"type\":\"string\"},"
     "\"in\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}}}},"
     "\"outputs\":{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":32},"
     "\"replace\":{\"type\":\"boolean\",\"default\":false}}}"},
    {"NewTicket", "{\"type\":\"object\",\"required\":[\"path\"],"
                  "\"properties\":{\"path\":{\"type\":\"string\"}}}"},
    {"Ticket", "{\"type\":\"object\",\"required\":[\"ticket\",\"expires_at\"],"
               "\"properties\":{\"ticket\":{\"type\":\"string\"},"
               "\"expires_at\":{\"type\":\"string\",\"format\":\"date-time\"}}}"},
    {"Render", "{\"type\":\"object\",\"properties\":{\"params\":{\"type\":\"object\"},"
               "\"seconds\":{\"type\":\"number\",\"minimum\":0.04,\"maximum\":600,"
               "\"default\":30},\"controls\":{\"type\":\"array\","
               "\"items\":{\"type\":\"object\"}}}}"},
    {"Application", "{\"type\":\"object\",\"required\":[\"id\",\"name\"],"
                    "\"properties\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\"},"
                    "\"name\":{\"type\":\"string\"}}}"},
    {"RecordingError",
     "{\"type\":\"object\",\"required\":[\"code\",\"title\",\"message\"],"
     "\"properties\":{\"code\":{\"type\":\"string\"},"
     "\"title\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
     "\"retryable\":{\"type\":\"boolean\"},\"field\":{\"type\":\"string\"},"
     "\"available\":{\"type\":\"object\",\"required\":[\"from\",\"to\","
     "\"from_frame\",\"to_frame\"],\"properties\":{\"from\":{\"type\":\"string\","
     "\"format\":\"date-time\"},\"to\":{\"type\":\"string\","
     "\"format\":\"date-time\"},\"from_frame\":{\"type\":\"integer\",\"minimum\":0},"
     "\"to_frame\":{\"type\":\"integer\",\"minimum\":0}}}}}"},
    {"NewRecording",
     "{\"type\":\"object\",\"additionalProperties\":false,"
     "\"properties\":{\"source\":{\"enum\":[\"network\",\"device\",\"file\"]},"
     "\"source_name\":{\"type\":\"string\",\"maxLength\":255},"
     "\"input_device_index\":{\"type\":\"integer\",\"minimum\":0},"
     "\"prefixes\":{\"type\":\"array\",\"maxItems\":16,"
     "\"items\":{\"type\":\"string\"}},\"sample_format\":{\"enum\":[\"int8\","
     "\"uint8\",\"int16\",\"int24\",\"int32\",\"float32\"]},"
     "\"channels\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8,\"default\":1},"
     "\"rate\":{\"type\":\"integer\",\"minimum\":8000,\"maximum\":192000,"
     "\"default\":16000},\"chunk\":{\"type\":\"integer\",\"minimum\":64,"
     "\"maximum\":65536,\"default\":1024},\"store_format\":{\"enum\":[\"wav\","
     "\"pcm\",\"flac\",\"mp3\",\"opus\"]},\"options\":{\"type\":\"object\"},"
     "\"trace_id\":{\"type\":\"string\",\"maxLength\":64}}}"},
    {"NewMarker", "{\"type\":\"object\",\"required\":[\"label\"],"
                  "\"properties\":{\"label\":{\"type\":\"string\",\"minLength\":1,"
                  "\"maxLength\":256},\"at\":{\"type\":\"string\"}}}"},
    {"RecordingFrame", "{\"type\":\"object\",\"required\":[\"frame\"],"
                       "\"properties\":{\"frame\":{\"type\":\"integer\",\"minimum\":0}}}"},
    {"RecordingBrief",
     "{\"type\":\"object\",\"required\":[\"id\",\"key\",\"state\",\"started_at\"],"
     "\"properties\":{\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{32}$\"},"
     "\"key\":{\"type\":\"string\"},\"state\":{\"enum\":[\"RECORDING\",\"PAUSED\","
     "\"INTERRUPTED\",\"FINALIZING\",\"PENDING\",\"STORED\",\"RECOVERED\"]},"
     "\"source\":{\"enum\":[\"network\",\"device\",\"file\"]},"
     "\"sample_format\":{\"enum\":[\"int8\",\"uint8\",\"int16\",\"int24\",\"int32\","
     "\"float32\"]},\"store_format\":{\"enum\":[\"wav\",\"pcm\",\"flac\",\"mp3\","
     "\"opus\"]},\"channels\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":8},"
     "\"rate\":{\"type\":\"integer\",\"minimum\":8000,\"maximum\":192000},"
     "\"chunk\":{\"type\":\"integer\",\"minimum\":0},"
     "\"frames\":{\"type\":\"integer\",\"minimum\":0},"
     "\"duration_ms\":{\"type\":\"integer\",\"minimum\":0},"
     "\"started_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
     "\"ended_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
     "\"end_reason\":{\"type\":\"string\"}}}"},
    {"RecordingList", "{\"type\":\"object\",\"required\":[\"items\",\"next_cursor\"],"
                      "\"properties\":{\"items\":{\"type\":\"array\","
                      "\"items\":{\"$ref\":\"#/components/schemas/RecordingBrief\"}},"
                      "\"next_cursor\":{\"type\":[\"string\",\"null\"]}}}"},
    {"Recording", "{\"allOf\":[{\"$ref\":\"#/components/schemas/RecordingBrief\"},"
                  "{\"type\":\"object\",\"required\":[\"durable_frames\",\"consumers\","
                  "\"time_map\",\"gaps\",\"pauses\",\"markers\",\"segments\"],"
                  "\"properties\":{\"durable_frames\":{\"type\":\"integer\",\"minimum\":0},"
                  "\"cleared_frames\":{\"type\":\"integer\",\"minimum\":0},"
                  "\"consumers\":{\"type\":\"integer\",\"minimum\":0},"
                  "\"time_map\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                  "\"gaps\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                  "\"pauses\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                  "\"markers\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                  "\"segments\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
                  "\"drift_ppm\":{\"type\":[\"number\",\"null\"]},"
                  "\"drift_error_ppm\":{\"type\":[\"number\",\"null\"]}}}]}"},
    {"RecordingSegment",
     "{\"type\":\"object\",\"required\":[\"session\",\"key\",\"state\",\"sequence\","
     "\"first_frame\",\"frame_count\",\"duration_ms\",\"started_at\",\"ended_at\"],"
     "\"properties\":{\"session\":{\"type\":\"string\","
     "\"pattern\":\"^[0-9a-f]{32}$\"},\"key\":{\"type\":\"string\"},"
     "\"format\":{\"enum\":[\"wav\",\"pcm\",\"flac\",\"mp3\",\"opus\"]},"
     "\"state\":{\"enum\":[\"RECORDING\",\"PAUSED\",\"INTERRUPTED\",\"FINALIZING\","
     "\"PENDING\",\"STORED\",\"RECOVERED\"]},\"end_reason\":{\"type\":\"string\"},"
     "\"sequence\":{\"type\":\"integer\",\"minimum\":0},"
     "\"first_frame\":{\"type\":\"integer\",\"minimum\":0},"
     "\"frame_count\":{\"type\":\"integer\",\"minimum\":0},"
     "\"duration_ms\":{\"type\":\"integer\",\"minimum\":0},"
     "\"bytes\":{\"type\":\"integer\",\"minimum\":0},"
     "\"sha256\":{\"type\":\"string\"},\"started_at\":{\"type\":\"string\","
     "\"format\":\"date-time\"},\"ended_at\":{\"type\":\"string\","
     "\"format\":\"date-time\"}}}"},
    {"RecordingDevices", "{\"type\":\"object\",\"properties\":{\"devices\":{\"type\":\"array\","
                         "\"items\":{\"type\":\"object\"}}}}"},
};
const size_t gateway_n_openapi_schemas = RF_ARRAY_LEN(gateway_openapi_schemas);

const gateway_openapi_parameter gateway_openapi_parameters[] = {
    {"id", "id", "path", "{\"type\":\"string\",\"format\":\"uuid\"}"},
    {"name", "name", "path", "{\"type\":\"string\"}"},
    {"status", "status", "query",
     "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"QUEUED\","
     "\"STARTED\",\"SUCCEEDED\",\"FAILED\"]}}"},
    {"workflow", "workflow", "query", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
    {"batchName", "batchName", "query", "{\"type\":\"string\",\"maxLength\":128}"},
    {"page", "page", "query",
     "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000,\"default\":0}"},
    {"size", "size", "query",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}"},
    {"include", "include", "query",
     "{\"type\":\"string\",\"description\":\"comma list of attempts, progress,"
     " priority, retention\"}"},
    {"uploads", "uploads", "query", "{\"type\":\"boolean\",\"default\":false}"},
    {"e", "e", "signature", "{\"type\":\"integer\"}"},
    {"k", "k", "signature", "{\"type\":\"string\"}"},
    {"s", "s", "signature", "{\"type\":\"string\"}"},
    {"range", "Range", "header", "{\"type\":\"string\"}"},
    {"contentDigest", "Content-Digest", "header", "{\"type\":\"string\"}"},
    {"wait", "wait", "query",
     "{\"type\":\"integer\",\"minimum\":0,\"maximum\":60,\"default\":0,"
     "\"description\":\"seconds\"}"},
    {"lastEventId", "Last-Event-ID", "header", "{\"type\":\"string\"}"},
    {"idempotencyKey", "Idempotency-Key", "header",
     "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}"},
    {"session", "session", "path", "{\"type\":\"string\",\"minLength\":26,\"maxLength\":26}"},
    {"limit", "limit", "query",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}"},
    {"cursor", "cursor", "query", "{\"type\":\"string\"}"},
    {"apiKey", "api_key", "query", "{\"type\":\"string\"}"},
    {"ticket", "ticket", "query", "{\"type\":\"string\"}"},
    {"recording", "recording", "path", "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{32}$\"}"},
    {"recordingState", "state", "query",
     "{\"enum\":[\"RECORDING\",\"PAUSED\",\"INTERRUPTED\",\"FINALIZING\","
     "\"PENDING\",\"STORED\",\"RECOVERED\"]}"},
    {"startedFrom", "from", "query", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {"startedTo", "to", "query", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {"prefix", "prefix", "query", "{\"type\":\"string\"}"},
    {"pageSize", "page_size", "query",
     "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":50}"},
    {"discard", "discard", "query", "{\"type\":\"boolean\",\"default\":false}"},
    {"local", "local", "query", "{\"type\":\"boolean\",\"default\":false}"},
    {"segmentFrom", "from", "query",
     "{\"type\":\"string\",\"description\":\"a time with its zone,"
     " or f: and a frame\"}"},
    {"segmentTo", "to", "query", "{\"type\":\"string\",\"description\":\"likewise\"}"},
    {"streamFrom", "from", "query",
     "{\"type\":\"string\",\"default\":\"now\",\"description\":\"now, start,"
     " or f: and a frame\"}"},
    {"format", "format", "query",
     "{\"enum\":[\"pcm\",\"wav\",\"flac\",\"mp3\",\"opus\"],\"default\":\"pcm\"}"},
    {"rate", "rate", "query", "{\"type\":\"integer\",\"minimum\":8000,\"maximum\":192000}"},
    {"channels", "channels", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":8}"},
    {"matrix", "matrix", "query",
     "{\"type\":\"string\",\"description\":\"channels rows of gains from -4 to 4,"
     " by commas\"}"},
    {"dither", "dither", "query", "{\"type\":\"boolean\",\"default\":false}"},
    {"bitrateKbps", "bitrate_kbps", "query",
     "{\"type\":\"integer\",\"minimum\":6,\"maximum\":510}"},
    {"clip", "clip", "query", "{\"type\":\"boolean\",\"default\":false}"},
    {"waitMs", "wait_ms", "query",
     "{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,\"default\":0}"},
    {"chunkSize", "chunk_size", "query",
     "{\"type\":\"integer\",\"minimum\":16,\"maximum\":11520000}"},
    {"framing", "framing", "query",
     "{\"enum\":[\"continuous\",\"standalone\"],\"default\":\"continuous\"}"},
    {"lagPolicy", "lag_policy", "query", "{\"enum\":[\"wait\",\"drop\",\"disconnect\"]}"},
    {"lagLimitMs", "lag_limit_ms", "query",
     "{\"type\":\"integer\",\"minimum\":1000,\"maximum\":3600000,\"default\":10000}"},
    {"peaksFormat", "format", "query", "{\"enum\":[\"dat\",\"json\"],\"default\":\"dat\"}"},
    {"spp", "spp", "query", "{\"type\":\"integer\",\"minimum\":2,\"maximum\":65536}"},
    {"bits", "bits", "query", "{\"enum\":[8,16]}"},
};
const size_t gateway_n_openapi_parameters = RF_ARRAY_LEN(gateway_openapi_parameters);

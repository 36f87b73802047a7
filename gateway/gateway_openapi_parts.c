#include "gateway_openapi.h"

#define UUID "{\"type\":\"string\",\"format\":\"uuid\"}"
#define TEXT "{\"type\":\"string\"}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TIME_OR_NULL "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define STATE "{\"type\":\"string\",\"enum\":[\"QUEUED\",\"STARTED\",\"SUCCEEDED\",\"FAILED\"]}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

const char gateway_openapi_schemas[] =
    "{\"Any\":{\"type\":\"object\"},"
    "\"Empty\":{\"type\":\"object\",\"maxProperties\":0},"
    "\"Health\":{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":" TEXT
    "}},"
    "\"Error\":{\"type\":\"object\",\"required\":[\"code\",\"title\",\"message\"],\"properties\":{"
    "\"code\":" TEXT ",\"title\":" TEXT ",\"message\":" TEXT "}},"
    "\"JobId\":{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":" UUID "}},"
    "\"JobState\":{\"type\":\"object\",\"required\":[\"id\",\"status\"],\"properties\":{"
    "\"id\":" UUID ",\"status\":" STATE "}},"
    "\"NewJob\":{\"type\":\"object\",\"required\":[\"name\",\"workflow\",\"params\"],"
    "\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":256},"
    "\"workflow\":{\"type\":\"string\",\"description\":\"slug\"},"
    "\"params\":{\"type\":\"object\",\"description\":\"at most 65536 bytes\"},"
    "\"metadata\":{\"type\":\"object\",\"description\":\"at most 16384 bytes\"},"
    "\"copyResultsTo\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\","
    "\"format\":\"uri\"},\"maxProperties\":64}}},"
    "\"Job\":{\"type\":\"object\",\"required\":[\"id\",\"app\",\"name\",\"batchName\",\"metadata\","
    "\"workflow\",\"workflowParams\",\"status\",\"error\",\"result\",\"createdAt\",\"startedAt\","
    "\"completedAt\"],\"properties\":{\"id\":" UUID ",\"app\":" TEXT ",\"name\":" TEXT ","
    "\"batchName\":{\"type\":[\"string\",\"null\"]},\"metadata\":{\"type\":\"object\"},"
    "\"workflow\":" TEXT ",\"workflowParams\":{\"type\":\"object\"},\"status\":" STATE ","
    "\"error\":{\"oneOf\":[" REF(
        "Error") ",{\"type\":\"null\"}]},"
                 "\"result\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":" TEXT "},"
                 "\"createdAt\":" TIME ",\"startedAt\":" TIME_OR_NULL
                 ",\"completedAt\":" TIME_OR_NULL "}},"
                 "\"JobList\":{\"type\":\"array\",\"items\":" REF(
                     "Job") "},"
                            "\"Upload\":{\"type\":\"object\",\"required\":[\"uploadUrl\","
                            "\"downloadUrl\"],\"properties\":{"
                            "\"uploadUrl\":{\"type\":\"string\",\"format\":\"uri\"},"
                            "\"downloadUrl\":{\"type\":\"string\",\"format\":\"uri\"}}},"
                            "\"Workflow\":{\"type\":\"object\",\"required\":[\"id\",\"name\","
                            "\"slug\",\"description\","
                            "\"createdAt\",\"updatedAt\"],\"properties\":{\"id\":" UUID
                            ",\"name\":" TEXT ",\"slug\":" TEXT ",\"description\":" TEXT
                            ",\"createdAt\":" TIME ",\"updatedAt\":" TIME ","
                            "\"inputs\":{\"type\":[\"object\",\"null\"]},\"outputs\":{\"type\":["
                            "\"object\",\"null\"]}}},"
                            "\"WorkflowList\":{\"type\":\"object\",\"required\":[\"workflows\"],"
                            "\"properties\":{"
                            "\"workflows\":{\"type\":\"array\",\"items\":" REF(
                                "Workflow") "}}},"
                                            "\"NewTicket\":{\"type\":\"object\",\"required\":["
                                            "\"path\"],\"properties\":{\"path\":" TEXT "}},"
                                            "\"Ticket\":{\"type\":\"object\",\"required\":["
                                            "\"ticket\",\"expires_at\"],\"properties\":{"
                                            "\"ticket\":" TEXT ",\"expires_at\":" TIME "}},"
                                            "\"Render\":{\"type\":\"object\",\"properties\":{"
                                            "\"params\":{\"type\":\"object\"},"
                                            "\"seconds\":{\"type\":\"number\",\"minimum\":0.04,"
                                            "\"maximum\":600,\"default\":30},"
                                            "\"controls\":{\"type\":\"array\",\"items\":{\"type\":"
                                            "\"object\"}}}},"
                                            "\"Application\":{\"type\":\"object\",\"required\":["
                                            "\"id\",\"name\"],\"properties\":{"
                                            "\"id\":" UUID ",\"name\":" TEXT "}}}";

#define QUERY(name, schema) "{\"name\":\"" name "\",\"in\":\"query\",\"schema\":" schema "}"
#define NEEDED(name, schema)                                                                       \
    "{\"name\":\"" name "\",\"in\":\"query\",\"required\":true,\"schema\":" schema "}"
#define HEADER(name, schema) "{\"name\":\"" name "\",\"in\":\"header\",\"schema\":" schema "}"
#define PATH(name, schema)                                                                         \
    "{\"name\":\"" name "\",\"in\":\"path\",\"required\":true,\"schema\":" schema "}"

#define GATEWAY_SOCKET_PARAMETERS                                                                                      \
    "\"session\":" PATH(                                                                                               \
        "session",                                                                                                     \
        "{\"type\":\"string\",\"minLength\":26,\"maxLength\":26}") ","                                                 \
                                                                   "\"limit\":" QUERY(                                 \
                                                                       "limit",                                        \
                                                                       "{\"type\":"                                    \
                                                                       "\"integer\","                                  \
                                                                       "\"minimum\":1,"                                \
                                                                       "\"maximum\":"                                  \
                                                                       "100,"                                          \
                                                                       "\"default\":"                                  \
                                                                       "20}") ","                                      \
                                                                              "\"curso"                                \
                                                                              "r\""                                    \
                                                                              ":" QUERY(                               \
                                                                                  "cur"                                \
                                                                                  "so"                                 \
                                                                                  "r",                                 \
                                                                                  TEXT) ","                            \
                                                                                        "\"apiKey"                     \
                                                                                        "\""                           \
                                                                                        ":" QUERY(                     \
                                                                                            "api_"                     \
                                                                                            "key",                     \
                                                                                            TEXT) ","                  \
                                                                                                  "\"ticket\":" QUERY( \
                                                                                                      "ticket",        \
                                                                                                      TEXT)

const char gateway_openapi_parameters[] = "{\"id\":" PATH("id", UUID) ",\"name\":" PATH("name", TEXT) ","
                                                                                                      "\""
                                                                                                      "st"
                                                                                                      "at"
                                                                                                      "us"
                                                                                                      "\""
                                                                                                      ":" QUERY("status",
                                                                                                                "{\"type\":\"array\",\"items\":" STATE "}") ","
                                                                                                                                                            "\"workflow\":" QUERY("workflow", "{\"type\":\"array\",\"items\":" TEXT "}") ","
                                                                                                                                                                                                                                         "\"batchName\":" QUERY("batchName", "{\"type\":\"string\",\"maxLength\":128}") ","
                                                                                                                                                                                                                                                                                                                        "\"page\":" QUERY("page", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000,"
                                                                                                                                                                                                                                                                                                                                                  "\"default\":0}") ","
                                                                                                                                                                                                                                                                                                                                                                    "\"size\":" QUERY("size",
                                                                                                                                                                                                                                                                                                                                                                                      "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
                                                                                                                                                                                                                                                                                                                                                                                      "\"default\":100}") ","
                                                                                                                                                                                                                                                                                                                                                                                                          "\"include\":" QUERY("include",
                                                                                                                                                                                                                                                                                                                                                                                                                               "{\"type\":\"string\",\"description\":\"comma list of attempts, "
                                                                                                                                                                                                                                                                                                                                                                                                                               "progress, priority, retention\"}") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "\"uploads\":" QUERY("uploads",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"type\":\"boolean\",\"default\":false}") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "\"e\":" NEEDED(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "e",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"type\":\"integer\"}") ",\"k\":" NEEDED("k",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   TEXT) ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "\"s\":" NEEDED(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             "s",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             TEXT) ",\"range\":" HEADER("Range", TEXT) ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "\"contentDigest\":" HEADER(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "Content-Digest", TEXT) ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "\"idempotencyKey\":" HEADER(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "Idempotency-Key", "{\"type\":\"string\",\"minLength\":1,"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "\"maxLength\":255}") "," GATEWAY_SOCKET_PARAMETERS
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "}";

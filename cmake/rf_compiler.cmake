# Language level, warnings and instrumentation that every target of the project shares.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(RF_SANITIZE "" CACHE STRING "comma list for -fsanitize, empty for none")
find_program(RF_LLD ld.lld DOC "links in a third of the processor time of GNU ld")
if(RF_LLD)
    add_link_options(-fuse-ld=lld)
endif()
option(RF_FUZZ "build the libFuzzer targets (clang only)" OFF)

# rf_checks: what all of the project's code is held to; rf_flags: the product's, rf_test_flags: the tests'.
add_library(rf_checks INTERFACE)
add_library(rf_flags INTERFACE)
add_library(rf_test_flags INTERFACE)
target_link_libraries(rf_flags INTERFACE rf_checks)
target_link_libraries(rf_test_flags INTERFACE rf_checks)
# Assertions are most of what a test is compiled to, and optimising them most of the time that takes; a third of it
# would be UBSan's checks of them.
target_compile_options(rf_test_flags INTERFACE -O0)
target_compile_definitions(rf_checks INTERFACE _GNU_SOURCE)
target_compile_options(rf_checks INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
    -fno-omit-frame-pointer)
# Cut text is handled where it matters (rf_copy_str, rf_status_set); gcc guesses at every %s.
target_compile_options(rf_checks INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT RF_SANITIZE)
    target_compile_options(rf_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(RF_SANITIZE)
    string(REPLACE ",undefined" "" of_tests "${RF_SANITIZE}")
    target_compile_options(rf_flags INTERFACE -fsanitize=${RF_SANITIZE})
    target_compile_options(rf_test_flags INTERFACE -fsanitize=${of_tests})
    target_compile_options(rf_checks INTERFACE -fno-sanitize-recover=all)
    target_link_options(rf_checks INTERFACE -fsanitize=${RF_SANITIZE})
    # What gcc defines by itself.
    if(RF_SANITIZE MATCHES "address")
        target_compile_definitions(rf_checks INTERFACE $<$<C_COMPILER_ID:Clang>:__SANITIZE_ADDRESS__>)
    elseif(RF_SANITIZE MATCHES "thread")
        target_compile_definitions(rf_checks INTERFACE $<$<C_COMPILER_ID:Clang>:__SANITIZE_THREAD__>)
    endif()
endif()
if(RF_FUZZ)
    target_compile_options(rf_checks INTERFACE -fsanitize=fuzzer-no-link)
endif()

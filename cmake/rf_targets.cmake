# One target a folder: rf_library, rf_executable, rf_test and rf_fuzz keep every CMakeLists.txt short.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# rf_pkg(NAME MODULE...) makes the imported target PkgConfig::NAME once for the whole tree.
function(rf_pkg name)
    if(NOT TARGET PkgConfig::${name})
        pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
    endif()
endfunction()

# rf_library(NAME SOURCES ... [LINK public targets] [PRIVATE private targets])
# The folder itself is the only include directory, so that a wrong include does not compile.
function(rf_library name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
    add_library(${name} STATIC ${A_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${A_LINK} PRIVATE rf_flags ${A_PRIVATE})
endfunction()

# rf_executable(NAME SOURCES ... [LINK targets]) puts the program in <build>/bin.
function(rf_executable name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE rf_flags ${A_LINK})
endfunction()

# rf_gather(NAME TARGET): building NAME builds TARGET too.
function(rf_gather name target)
    if(NOT TARGET ${name})
        add_custom_target(${name})
    endif()
    add_dependencies(${name} ${target})
endfunction()

# rf_program(NAME SOURCES ... [LINK targets]): an executable that is installed; the target `programs`
# builds all of them.
function(rf_program name)
    rf_executable(${name} ${ARGN})
    rf_gather(programs ${name})
    install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# rf_test_tool(NAME SOURCES ... [LINK targets]): a program that tests or benchmarks run; it stands beside the tests,
# not among the programs of the product. The target `tools` builds all of them and the modules.
function(rf_test_tool name)
    rf_executable(${name} ${ARGN})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    rf_gather(tools ${name})
endfunction()

# rf_test_module(NAME SOURCES ... [LINK targets]): a plug-in that tests load, <build>/tests/NAME.so.
function(rf_test_module name)
    cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
    add_library(${name} MODULE ${A_SOURCES})
    target_link_libraries(${name} PRIVATE rf_flags ${A_LINK})
    set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    rf_gather(tools ${name})
endfunction()

# rf_share(NAME...): files and folders of this folder that programs find by rf_install_share.
function(rf_share)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/reflection)
    foreach(name ${ARGN})
        set(source ${CMAKE_CURRENT_SOURCE_DIR}/${name})
        file(CREATE_LINK ${source} ${CMAKE_BINARY_DIR}/share/reflection/${name} SYMBOLIC)
        if(IS_DIRECTORY ${source})
            install(DIRECTORY ${source} DESTINATION share/reflection)
        else()
            install(FILES ${source} DESTINATION share/reflection)
        endif()
    endforeach()
endfunction()

# rf_use_criterion(TARGET): Criterion, or what stands in for it where it cannot run.
function(rf_use_criterion target)
    if(RF_SANITIZE MATCHES "thread")
        target_link_libraries(${target} PRIVATE tsan_criterion)
    else()
        rf_pkg(CRITERION criterion)
        target_link_libraries(${target} PRIVATE PkgConfig::CRITERION)
    endif()
endfunction()

# rf_test_library(NAME SOURCES ... [LINK public targets] [PRIVATE private targets])
# What several Criterion programs share; its folder is an include directory of theirs.
function(rf_test_library name)
    rf_library(${name} ${ARGN})
    rf_use_criterion(${name})
endfunction()

# rf_parse_test(WORD...) reads what the functions below are told, as A_<WORD>.
macro(rf_parse_test)
    cmake_parse_arguments(A "WAITS;LIGHT;REALTIME;ALONE;ONE_THREAD;FIGURES" "TAKES;TIMEOUT"
        "SOURCES;LINK;BESIDE;WITH;ENV;LABELS;COMMAND" ${ARGN})
    if(A_FIGURES)
        list(APPEND A_LABELS figures)
    endif()
endmacro()

# rf_test_program(AREA SUBJECT SOURCES ... [LINK targets] [options of rf_add_test])
# A Criterion program named test_<area>_<subject>; the target `units` builds all of them, area_<area> those of an area
# and those of another area that have its name among their LABELS. FIGURES: what its own sources compute is optimised.
function(rf_test_program area subject)
    rf_parse_test(${ARGN})
    string(REPLACE "-" "_" target "test_${area}_${subject}")
    add_executable(${target} ${A_SOURCES})
    rf_use_criterion(${target})
    target_link_libraries(${target} PRIVATE no_certificates)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests/unit)
    set(flags rf_test_flags)
    if(A_FIGURES)
        set(flags rf_flags)
    endif()
    target_link_libraries(${target} PRIVATE ${flags} ${A_LINK} Threads::Threads)
    # Criterion's macros declare test functions without a previous prototype.
    target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
    rf_gather(units ${target})
    foreach(label ${area} ${A_LABELS})
        rf_gather(area_${label} ${target})
    endforeach()
endfunction()

# rf_test(AREA SUBJECT SOURCES ... [LINK targets] [options of rf_add_test])
# Such a program with a ctest of its own, named "<area>: <subject with spaces>". ONE_THREAD: it has nothing
# to show under ThreadSanitizer, and is not built there. BESIDE KIND [VARIABLE=SETTING...]: a real server is
# started for it (tests/servers/with); skipped where it cannot be had.
function(rf_test area subject)
    rf_parse_test(${ARGN})
    if(A_ONE_THREAD AND RF_SANITIZE MATCHES "thread")
        return()
    endif()
    rf_test_program(${area} ${subject} ${ARGN})
    string(REPLACE "-" "_" target "test_${area}_${subject}")
    string(REPLACE "_" " " title "${subject}")
    rf_beside(beside ${A_BESIDE})
    rf_add_test("${area}: ${title}" ${area} ${ARGN} COMMAND ${beside} $<TARGET_FILE:${target}> --jobs 2)
endfunction()

# rf_add_test(TITLE AREA COMMAND ... [WAITS|LIGHT|REALTIME|ALONE] [FIGURES] [TAKES s] [TIMEOUT s] [ENV K=V...] [LABELS ...])
# Any program as a ctest of an area; one that exits with 77 is skipped. How it uses the machine, in slots
# of which a core has four (the -j of scripts/test):
#   no word    it computes: 4 slots (under a sanitizer 3)
#   LIGHT      it computes now and then, and bears others beside it: 2 slots (under ThreadSanitizer 1)
#   WAITS      it hardly computes: 1 slot
#   REALTIME   it judges gaps or lateness: 7 slots, so that two cores have none left but for one that waits; last, when
#              CI builds little beside the tests any more
#   ALONE      it has the machine to itself
# FIGURES: it judges what users hear or pay over much material, so that CI runs it in the release build; a sanitizer,
# which judges the code, gets a part of the material (tests/unit/figures.h).
# TAKES is about how long it takes on two cores; what takes longest starts first.
function(rf_add_test title area)
    rf_parse_test(${ARGN})
    add_test(NAME "${title}" COMMAND ${A_COMMAND})
    rf_describe_test("${title}" ${area} ${ARGN})
    set_tests_properties("${title}" PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# rf_test_on(SERVER TITLE AREA PROGRAM [WITH WORD...] [options of rf_add_test])
# A Criterion program beside a real server of tests/servers; WITH words are those of tests/servers/with. One
# test at a time, since what is done to a server is done to all.
function(rf_test_on server title area program)
    rf_parse_test(${ARGN})
    rf_beside(beside ${server} ${A_WITH})
    rf_add_test("${title}" ${area} ${ARGN} COMMAND ${beside} $<TARGET_FILE:${program}> --jobs 1)
endfunction()

# rf_beside(VARIABLE [KIND [WORD...]]): the words before a command that start a real server of this kind for
# it; none without a kind.
function(rf_beside variable)
    set(${variable} "" PARENT_SCOPE)
    if(ARGN)
        find_program(RF_PYTHON python3 REQUIRED)
        set(${variable} ${RF_PYTHON} ${CMAKE_SOURCE_DIR}/tests/servers/with ${ARGN} -- PARENT_SCOPE)
    endif()
endfunction()

# rf_describe_test(TITLE AREA [options of rf_add_test]) sets the properties of a ctest.
function(rf_describe_test title area)
    rf_parse_test(${ARGN})
    set(slots 4)
    set(light_slots 2)
    if(RF_SANITIZE) # of what CI runs there, much waits for a server or for a clock
        set(slots 3)
    endif()
    if(RF_SANITIZE MATCHES "thread")
        set(light_slots 1)
    endif()
    if(A_WAITS)
        set(slots 1)
    elseif(A_LIGHT)
        set(slots ${light_slots})
    elseif(A_REALTIME)
        set(slots 7)
    elseif(A_ALONE)
        set_tests_properties("${title}" PROPERTIES RUN_SERIAL ON)
    endif()
    if(NOT A_TIMEOUT)
        set(A_TIMEOUT 120)
    endif()
    if(A_TAKES AND NOT A_REALTIME)
        set_tests_properties("${title}" PROPERTIES COST ${A_TAKES})
    endif()
    if(RF_SANITIZE MATCHES "thread")
        list(APPEND A_ENV "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan/suppressions:atexit_sleep_ms=50")
    endif()
    set_tests_properties("${title}" PROPERTIES
        PROCESSORS ${slots} TIMEOUT ${A_TIMEOUT} LABELS "${area};${A_LABELS}"
        ENVIRONMENT "REFLECTION_BIN=${CMAKE_BINARY_DIR}/bin;REFLECTION_SOURCE=${CMAKE_SOURCE_DIR};${A_ENV}")
endfunction()

# rf_fuzz(AREA SUBJECT SOURCES ... LINK ... [CORPUS dir])
# With RF_FUZZ: a libFuzzer program fuzz_<area>_<subject>. Always: ctest replays the corpus through
# the same LLVMFuzzerTestOneInput, linked with fuzz_replay.
function(rf_fuzz area subject)
    cmake_parse_arguments(A "" "CORPUS" "SOURCES;LINK" ${ARGN})
    set(target "fuzz_${area}_${subject}")
    if(RF_FUZZ)
        add_executable(${target} ${A_SOURCES})
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${target} ${A_SOURCES})
        target_link_libraries(${target} PRIVATE fuzz_replay)
        rf_gather(units ${target})
        rf_gather(area_${area} ${target})
    endif()
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${target} PRIVATE rf_flags ${A_LINK})
    target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
    string(REPLACE "_" " " title "${subject}")
    if(RF_FUZZ)
        rf_add_test("fuzz ${area}: ${title}" fuzz TIMEOUT 900 COMMAND ${target} -runs=20000 ${A_CORPUS})
    elseif(A_CORPUS)
        rf_add_test("fuzz corpus ${area}: ${title}" ${area} LABELS fuzz COMMAND ${target} ${A_CORPUS})
    endif()
endfunction()

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

# rf_program(NAME SOURCES ... [LINK targets]): an executable that is installed.
function(rf_program name)
    rf_executable(${name} ${ARGN})
    install(TARGETS ${name} RUNTIME DESTINATION bin)
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

# rf_test(AREA SUBJECT SOURCES ... [LINK targets] [ENV K=V...] [TIMEOUT s] [LABELS ...] [SERIAL])
# A Criterion program named test_<area>_<subject>; ctest name "<area>: <subject with spaces>".
function(rf_test area subject)
    cmake_parse_arguments(A "SERIAL" "TIMEOUT" "SOURCES;LINK;ENV;LABELS" ${ARGN})
    string(REPLACE "-" "_" target "test_${area}_${subject}")
    add_executable(${target} ${A_SOURCES})
    if(RF_SANITIZE MATCHES "thread") # which Criterion cannot run under
        target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/tsan/runner.c)
        target_include_directories(${target} BEFORE PRIVATE ${CMAKE_SOURCE_DIR}/tests/tsan)
    else()
        rf_pkg(CRITERION criterion)
        target_link_libraries(${target} PRIVATE PkgConfig::CRITERION)
    endif()
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE rf_flags ${A_LINK} Threads::Threads)
    # Criterion's macros declare test functions without a previous prototype.
    target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
    string(REPLACE "_" " " title "${subject}")
    rf_add_test("${area}: ${title}" ${area} "${A_TIMEOUT}" "${A_SERIAL}" "${A_ENV}" "${A_LABELS}"
        ${target} --jobs 2)
endfunction()

# rf_add_test(TITLE AREA TIMEOUT SERIAL ENV LABELS COMMAND...): any program as a ctest of an area.
function(rf_add_test title area timeout serial env labels)
    add_test(NAME "${title}" COMMAND ${ARGN})
    if(NOT timeout)
        set(timeout 120)
    endif()
    if(RF_SANITIZE MATCHES "thread")
        list(APPEND env "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan/suppressions")
    endif()
    set_tests_properties("${title}" PROPERTIES TIMEOUT ${timeout} LABELS "${area};${labels}"
        ENVIRONMENT "REFLECTION_BIN=${CMAKE_BINARY_DIR}/bin;REFLECTION_SOURCE=${CMAKE_SOURCE_DIR};${env}")
    if(serial)
        set_tests_properties("${title}" PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()

# rf_fuzz(AREA SUBJECT SOURCES ... LINK ... [CORPUS dir])
# With RF_FUZZ: a libFuzzer program fuzz_<area>_<subject>. Always: ctest replays the corpus through
# the same LLVMFuzzerTestOneInput, linked with tests/fuzz/replay.c.
function(rf_fuzz area subject)
    cmake_parse_arguments(A "" "CORPUS" "SOURCES;LINK" ${ARGN})
    set(target "fuzz_${area}_${subject}")
    if(RF_FUZZ)
        add_executable(${target} ${A_SOURCES})
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${target} ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    endif()
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${target} PRIVATE rf_flags ${A_LINK})
    target_compile_options(${target} PRIVATE -Wno-missing-prototypes)
    string(REPLACE "_" " " title "${subject}")
    if(RF_FUZZ)
        rf_add_test("fuzz ${area}: ${title}" fuzz 900 "" "" "" ${target} -runs=20000 ${A_CORPUS})
    elseif(A_CORPUS)
        rf_add_test("fuzz corpus ${area}: ${title}" ${area} 120 "" "" "fuzz" ${target} ${A_CORPUS})
    endif()
endfunction()

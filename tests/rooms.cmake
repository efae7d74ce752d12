# SPDX-License-Identifier: MIT
# tests/<room>/**.cpp become lamina_tests_<room>; each TEST_CASE is one CTest test, labelled with its room.
file(GLOB rooms CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/*")
list(REMOVE_ITEM rooms support compile_fail structure consumer programs golden interop oracle cuda_emulation)

# Version 2 calls a run without any test a success: a name that CTest hands over wrongly would pass for ever.
set(strict "")
if(Catch2_VERSION VERSION_LESS 3)
    set(strict --warn NoTests)
endif()

option(LAMINA_TEST_MODELS "Build the tests that instantiate models, which take most of the time to compile" ON)

# Rooms whose sources are compiled several at a time: their own lines are few beside what they include and instantiate.
option(LAMINA_TEST_UNITY "Compile the tests of some rooms several sources at a time" ON)
set(united_rooms arch core eval recipe text)
set_source_files_properties(core/expects_unchecked.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION TRUE) # other macros than the rest

# What suites that run models share: the kernels of the CPU, and what most of their sources include. Writing a precompiled
# header takes as long as a few sources, so that there is one for all of them, and none for the united rooms.
set(model_rooms backend nn removal train io eval)
if(LAMINA_TEST_MODELS)
    # lamina::cpu_kernels, but with the callers' contracts checked as everywhere in the tests.
    add_library(lamina_tests_cpu_kernels OBJECT "${PROJECT_SOURCE_DIR}/cmake/cpu_kernels.cpp")
    target_link_libraries(lamina_tests_cpu_kernels PUBLIC lamina_tests_support lamina_native)
    target_compile_definitions(lamina_tests_cpu_kernels INTERFACE LAMINA_COMPILED_KERNELS=1)

    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp" CONTENT "")
    add_library(lamina_tests_precompiled OBJECT "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp")
    target_link_libraries(lamina_tests_precompiled PRIVATE lamina_tests_cpu_kernels)
    target_precompile_headers(
        lamina_tests_precompiled PRIVATE "\"support/catch.hpp\"" <lamina/backend/cpu/device.hpp> <lamina/nn/gpt2.hpp>
                                         <lamina/removal/fold.hpp> <lamina/train/trainer.hpp> <nlohmann/json.hpp>)
endif()

# lamina_discover_tests(suite label prefix): each of its TEST_CASEs becomes a CTest test.
function(lamina_discover_tests suite label prefix)
    catch_discover_tests(
        ${suite}
        TEST_SPEC ${LAMINA_TEST_SPEC}
        TEST_PREFIX "${prefix}"
        EXTRA_ARGS ${strict}
        PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_REGULAR_EXPRESSION "${lamina_skip_expression}")
endfunction()

add_custom_target(lamina_small_tests COMMENT "Suites that are cheap enough to run under the sanitizers")
foreach(room IN LISTS rooms)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cpp")
    if(NOT LAMINA_TEST_MODELS)
        foreach(source IN LISTS sources)
            file(STRINGS "${source}" model_includes REGEX "#include <lamina/(nn|backend|removal/(removable_norm|fold|removal|norm_states)\\.|train/trainer|io/(huggingface|checkpoint))")
            if(model_includes)
                list(REMOVE_ITEM sources "${source}")
            endif()
        endforeach()
    endif()
    # The CUDA backend has suites of its own, see cuda.cmake.
    list(FILTER sources EXCLUDE REGEX "/backend/(cuda/|[a-z_]*cuda[a-z_]*\\.cpp$)")
    if(NOT sources)
        continue()
    endif()
    set(suite lamina_tests_${room})
    add_executable(${suite} ${sources})
    target_link_libraries(${suite} PRIVATE lamina_tests_support lamina_native)
    if(LAMINA_TEST_MODELS AND room IN_LIST model_rooms)
        target_link_libraries(${suite} PRIVATE lamina_tests_cpu_kernels)
        target_precompile_headers(${suite} REUSE_FROM lamina_tests_precompiled)
    endif()
    if(LAMINA_TEST_UNITY AND room IN_LIST united_rooms)
        set_target_properties(${suite} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    endif()
    if(room STREQUAL "examples") # what the programs share that no single one of them shows
        target_include_directories(${suite} PRIVATE "${PROJECT_SOURCE_DIR}/examples")
    endif()
    lamina_discover_tests(${suite} ${room} "${room}/")
    lamina_room(${room} ${suite})
    if(room MATCHES "^(core|arch|io|text|removal|train|examples)$")
        add_dependencies(lamina_small_tests ${suite})
    endif()
endforeach()

# tests/programs/*.py and *.sh drive the programs of examples/, which they find in $LAMINA_PROGRAMS, and the
# scripts of bench/ and its programs, in $LAMINA_BENCHMARKS.
if(LAMINA_BUILD_EXAMPLES)
    file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.py" "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.sh")
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM name)
        if(script MATCHES "\\.py$")
            lamina_add_check("programs: ${name}" programs "${Python3_EXECUTABLE}" "${script}")
        else()
            lamina_add_check("programs: ${name}" programs bash "${script}")
        endif()
        set(environment "LAMINA_PROGRAMS=${PROJECT_BINARY_DIR}/examples" "LAMINA_BENCHMARKS=${PROJECT_BINARY_DIR}/bench"
            "LAMINA_ORACLE_PYTHON=${LAMINA_ORACLE_PYTHON}")
        set_tests_properties("programs: ${name}" PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 900)
        if(name MATCHES "_gpt2$") # true shapes: gigabytes, and a step that all cores share
            set_tests_properties("programs: ${name}" PROPERTIES RUN_SERIAL TRUE)
        endif()
    endforeach()
endif()

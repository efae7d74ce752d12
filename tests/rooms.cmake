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

# What most files of a room include, parsed once per suite; and, where models are run, kernels that are compiled once.
set(cpu_kernels "\"support/cpu_kernels.hpp\"")
set(precompiled_backend "<lamina/backend/cpu/backend.hpp>")
set(precompiled_nn ${cpu_kernels} "<nlohmann/json.hpp>")
set(precompiled_train ${precompiled_nn})
set(precompiled_io ${precompiled_nn})
set(precompiled_eval ${cpu_kernels} "<lamina/io/json_file.hpp>")
if(LAMINA_TEST_MODELS)
    add_library(lamina_tests_cpu_kernels OBJECT support/cpu_kernels.cpp)
    target_link_libraries(lamina_tests_cpu_kernels PUBLIC lamina_tests_support lamina_native)
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
            file(STRINGS "${source}" model_includes REGEX "#include <lamina/(nn|backend|train/trainer|io/(huggingface|checkpoint))")
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
    if(LAMINA_TEST_MODELS)
        target_precompile_headers(${suite} PRIVATE "\"support/catch.hpp\"" ${precompiled_${room}})
        if(room MATCHES "^(nn|train|io|eval)$")
            target_sources(${suite} PRIVATE $<TARGET_OBJECTS:lamina_tests_cpu_kernels>)
        endif()
    endif()
    lamina_discover_tests(${suite} ${room} "${room}/")
    if(room MATCHES "^(core|arch|io|text|train)$")
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

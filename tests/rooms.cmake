# SPDX-License-Identifier: MIT
# tests/<room>/**.cpp become lamina_tests_<room>, and lamina_tests_<room>_models of those that run models; each TEST_CASE is
# one CTest test, labelled with its room.
file(GLOB rooms CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/*")
list(REMOVE_ITEM rooms support compile_fail structure consumer programs golden interop oracle cuda_emulation)

# Version 2 calls a run without any test a success: a name that CTest hands over wrongly would pass for ever.
set(strict "")
if(Catch2_VERSION VERSION_LESS 3)
    set(strict --warn NoTests)
endif()

option(LAMINA_TEST_MODELS "Build the tests that instantiate models, which take most of the time to compile" ON)
option(LAMINA_TEST_SANITIZED "The suites without models run under the address and undefined-behaviour sanitizers" OFF)

# What suites that run models share: the kernels of the CPU, and what most of their sources include. Writing a precompiled
# header takes as long as a few sources, so that there is one for all of them.
if(LAMINA_TEST_MODELS)
    # lamina::cpu_kernels, but with the callers' contracts checked as everywhere in the tests, and always optimised.
    add_library(lamina_tests_cpu_kernels OBJECT "${PROJECT_SOURCE_DIR}/cmake/cpu_kernels.cpp")
    target_compile_options(lamina_tests_cpu_kernels PRIVATE -O2)
    target_link_libraries(lamina_tests_cpu_kernels PUBLIC lamina_tests_support lamina_native)
    target_compile_definitions(lamina_tests_cpu_kernels INTERFACE LAMINA_COMPILED_KERNELS=1)

    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp" CONTENT "")
    add_library(lamina_tests_precompiled OBJECT EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp")
    target_link_libraries(lamina_tests_precompiled PRIVATE lamina_tests_cpu_kernels)
    target_precompile_headers(
        lamina_tests_precompiled PRIVATE "\"support/catch.hpp\"" <lamina/backend/cpu/device.hpp> <lamina/nn/gpt2.hpp>
                                         <lamina/removal/fold.hpp> <lamina/train/trainer.hpp> <nlohmann/json.hpp>)
endif()

# A compiler takes longer for what a source includes and instantiates than for its own lines, so that several are compiled as
# one: each in a namespace of its own, after the includes of all. What a reader would not expect there stays alone:
# conditional includes, macros, and what must be in somebody else's namespace.
option(LAMINA_TEST_UNITY "Compile the tests several sources at a time" ON)
set(stays_alone "^(#if|#define|template (<>|[a-z])|namespace [a-z_:]+ {|void\\* operator new)")

# lamina_unite(variable name size source...): the sources to compile instead, of up to `size` of these each.
function(lamina_unite variable name size)
    set(result "")
    set(together "")
    foreach(source IN LISTS ARGN)
        file(STRINGS "${source}" special REGEX "${stays_alone}")
        if(special OR NOT LAMINA_TEST_UNITY)
            list(APPEND result "${source}")
        else()
            list(APPEND together "${source}")
        endif()
    endforeach()
    list(LENGTH together count)
    if(count EQUAL 0)
        set(${variable} "${result}" PARENT_SCOPE)
        return()
    endif()
    math(EXPR units "(${count} + ${size} - 1) / ${size}")
    foreach(unit RANGE 1 ${units})
        # In turn, so that neighbours in the alphabet, which tend to take alike, are shared out.
        set(includes "")
        set(bodies "")
        set(k ${unit})
        foreach(source IN LISTS together)
            math(EXPR k "(${k} + 1) % ${units}")
            if(NOT k EQUAL 0)
                continue()
            endif()
            file(STRINGS "${source}" lines REGEX "^#include ")
            list(APPEND includes ${lines})
            cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE space)
            string(MAKE_C_IDENTIFIER "of_${space}" space)
            string(APPEND bodies "namespace ${space} {\n#include \"${source}\"\n}\n")
            set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
        endforeach()
        if(bodies)
            list(REMOVE_DUPLICATES includes)
            list(JOIN includes "\n" includes)
            file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/united/${name}_${unit}.cpp" CONTENT "${includes}\n${bodies}" @ONLY)
            list(APPEND result "${CMAKE_CURRENT_BINARY_DIR}/united/${name}_${unit}.cpp")
        endif()
    endforeach()
    set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# lamina_discover_tests(suite label prefix): each of its TEST_CASEs becomes a CTest test.
function(lamina_discover_tests suite label prefix)
    catch_discover_tests(
        ${suite}
        TEST_SPEC ${LAMINA_TEST_SPEC}
        TEST_PREFIX "${prefix}"
        EXTRA_ARGS ${strict}
        PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_REGULAR_EXPRESSION "${lamina_skip_expression}")
endfunction()

# lamina_suite(name room source...)
function(lamina_suite name room)
    lamina_unite(sources ${name} 8 ${ARGN})
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE lamina_tests_support lamina_native)
    if(room MATCHES "^(examples|bench|eval)$") # of the programs, what no single one of them shows
        target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/examples")
    endif()
    if(room STREQUAL "examples")
        find_package(CLI11 2.1 REQUIRED CONFIG)
        target_link_libraries(${name} PRIVATE CLI11::CLI11)
    endif()
    lamina_discover_tests(${name} ${room} "${room}/")
    lamina_room(${room} ${name})
endfunction()

if(NOT LAMINA_TEST_SUITES)
    return()
endif()
set(model_headers "^#include <lamina/(nn|backend|removal/(removable_norm|fold|removal|norm_states)\\.|train/trainer|io/(huggingface|checkpoint))")
foreach(room IN LISTS rooms)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cpp")
    # The CUDA backend has suites of its own, see cuda.cmake.
    list(FILTER sources EXCLUDE REGEX "/backend/(cuda/|[a-z_]*cuda[a-z_]*\\.cpp$)")
    set(plain "")
    set(models "")
    foreach(source IN LISTS sources)
        file(STRINGS "${source}" includes REGEX "${model_headers}")
        if(includes)
            list(APPEND models "${source}")
        else()
            list(APPEND plain "${source}")
        endif()
    endforeach()
    if(plain)
        lamina_suite(lamina_tests_${room} ${room} ${plain})
        if(LAMINA_TEST_SANITIZED)
            set(sanitized -fsanitize=address,undefined -fno-sanitize-recover=all)
            target_compile_options(lamina_tests_${room} PRIVATE ${sanitized})
            target_link_options(lamina_tests_${room} PRIVATE ${sanitized})
        endif()
    endif()
    if(models AND LAMINA_TEST_MODELS)
        lamina_suite(lamina_tests_${room}_models ${room} ${models})
        target_link_libraries(lamina_tests_${room}_models PRIVATE lamina_tests_cpu_kernels)
        target_precompile_headers(lamina_tests_${room}_models REUSE_FROM lamina_tests_precompiled)
    endif()
endforeach()

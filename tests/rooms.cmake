# SPDX-License-Identifier: MIT
# tests/<room>/**.cpp become lamina_tests_<room>; each TEST_CASE is one CTest test, labelled with its room.
file(GLOB rooms CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/*")
list(REMOVE_ITEM rooms support compile_fail structure consumer programs golden interop oracle)

# Version 2 calls a run without any test a success: a name that CTest hands over wrongly would pass for ever.
set(strict "")
if(Catch2_VERSION VERSION_LESS 3)
    set(strict --warn NoTests)
endif()

option(LAMINA_TEST_MODELS "Build the tests that instantiate models, which take most of the time to compile" ON)

# What most files of a room include, parsed once per suite.
set(precompiled_backend "<lamina/backend/cpu/backend.hpp>")
set(precompiled_nn ${precompiled_backend} "<nlohmann/json.hpp>")
set(precompiled_train ${precompiled_nn})
set(precompiled_io "<nlohmann/json.hpp>")
set(precompiled_eval "<lamina/io/json_file.hpp>")

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
    if(LAMINA_CUDA)
        file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cu")
    endif()
    foreach(kind IN ITEMS sources cuda_sources)
        if(NOT ${kind})
            continue()
        endif()
        set(suite lamina_tests_${room})
        if(kind STREQUAL "cuda_sources")
            string(APPEND suite _cuda)
        endif()
        add_executable(${suite} ${${kind}})
        target_link_libraries(${suite} PRIVATE lamina_tests_support lamina_native)
        if(kind STREQUAL "cuda_sources")
            target_link_libraries(${suite} PRIVATE lamina_cuda)
        elseif(LAMINA_TEST_MODELS)
            target_precompile_headers(${suite} PRIVATE "\"support/catch.hpp\"" ${precompiled_${room}})
        endif()
        catch_discover_tests(
            ${suite}
            TEST_SPEC ${LAMINA_TEST_SPEC}
            TEST_PREFIX "${room}/"
            EXTRA_ARGS ${strict}
            PROPERTIES LABELS ${room} TIMEOUT 300 SKIP_REGULAR_EXPRESSION "${lamina_skip_expression}")
        if(kind STREQUAL "sources" AND room MATCHES "^(core|arch|io|text|train)$")
            add_dependencies(lamina_small_tests ${suite})
        endif()
    endforeach()
endforeach()

# tests/programs/*.py and *.sh drive the programs of examples/, which they find in $LAMINA_PROGRAMS.
if(LAMINA_BUILD_EXAMPLES)
    file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.py" "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.sh")
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM name)
        if(script MATCHES "\\.py$")
            lamina_add_check("programs: ${name}" programs "${Python3_EXECUTABLE}" "${script}")
        else()
            lamina_add_check("programs: ${name}" programs bash "${script}")
        endif()
        set_tests_properties(
            "programs: ${name}" PROPERTIES ENVIRONMENT "LAMINA_PROGRAMS=${PROJECT_BINARY_DIR}/examples" TIMEOUT 900)
        if(name MATCHES "_gpt2$") # true shapes: gigabytes, and a step that all cores share
            set_tests_properties("programs: ${name}" PROPERTIES RUN_SERIAL TRUE)
        endif()
    endforeach()
endif()

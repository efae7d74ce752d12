# SPDX-License-Identifier: MIT
# Three outside projects, each getting lamina its own way, build and run the README's first example.
set(example "${PROJECT_SOURCE_DIR}/examples/custom_loop.cpp")
if(NOT EXISTS "${example}")
    set(example "${CMAKE_CURRENT_LIST_DIR}/main.cpp")
endif()
set(prefix "${PROJECT_BINARY_DIR}/consumer/prefix")

add_test(NAME "consumer: install" COMMAND "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${prefix}")
set_tests_properties("consumer: install" PROPERTIES LABELS consumer FIXTURES_SETUP lamina_installed)

foreach(way IN ITEMS find_package add_subdirectory fetch_content)
    set(build "${PROJECT_BINARY_DIR}/consumer/${way}")
    lamina_add_check(
        "consumer: ${way}" consumer
        "${CMAKE_CTEST_COMMAND}" --build-and-test "${CMAKE_CURRENT_LIST_DIR}/${way}" "${build}"
        --build-generator "${CMAKE_GENERATOR}"
        --build-options "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}" "-DLAMINA_SOURCE=${PROJECT_SOURCE_DIR}"
                        "-DLAMINA_EXAMPLE=${example}" "-DLAMINA_ONEDNN=${LAMINA_ONEDNN}" "-Dlamina_ROOT=${prefix}"
        --test-command "${build}/example")
    # Where this build was told to find its dependencies, the outside project looks too.
    cmake_path(CONVERT "${CMAKE_PREFIX_PATH}" TO_NATIVE_PATH_LIST searched)
    set_tests_properties("consumer: ${way}" PROPERTIES ENVIRONMENT_MODIFICATION "CMAKE_PREFIX_PATH=path_list_prepend:${searched}")
endforeach()
set_tests_properties("consumer: find_package" PROPERTIES FIXTURES_REQUIRED lamina_installed)

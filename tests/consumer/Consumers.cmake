# SPDX-License-Identifier: MIT
# Three outside projects, each getting lamina its own way: two build and run the README's loop, with compiled kernels and
# without. A fourth finds the CUDA backend.
set(example "${PROJECT_SOURCE_DIR}/examples/custom_loop.cpp")
if(NOT EXISTS "${example}")
    set(example "${CMAKE_CURRENT_LIST_DIR}/main.cpp")
endif()
# How a project gets the headers does not change what is in them: one way is enough to compile more than the least.
set(example_of_fetch_content "${CMAKE_CURRENT_LIST_DIR}/main.cpp")
set(prefix "${PROJECT_BINARY_DIR}/consumer/prefix")

add_test(NAME "consumer: install" COMMAND "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${prefix}")
set_tests_properties("consumer: install" PROPERTIES LABELS consumer FIXTURES_SETUP lamina_installed)

set(ways find_package add_subdirectory fetch_content)
set(of_cuda "")
if(LAMINA_WITH_CUDA)
    list(APPEND ways cuda)
    set(of_cuda "-DCMAKE_CUDA_COMPILER=${CMAKE_CUDA_COMPILER}" "-DCMAKE_CUDA_ARCHITECTURES=80")
endif()
foreach(way IN LISTS ways)
    set(build "${PROJECT_BINARY_DIR}/consumer/${way}")
    set(example_of_way "${example}")
    if(DEFINED example_of_${way})
        set(example_of_way "${example_of_${way}}")
    endif()
    lamina_add_check(
        "consumer: ${way}" consumer
        "${CMAKE_CTEST_COMMAND}" --build-and-test "${CMAKE_CURRENT_LIST_DIR}/${way}" "${build}"
        --build-generator "${CMAKE_GENERATOR}"
        --build-options "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}" "-DLAMINA_SOURCE=${PROJECT_SOURCE_DIR}"
                        "-DLAMINA_EXAMPLE=${example_of_way}" "-DLAMINA_ONEDNN=${LAMINA_ONEDNN}" "-Dlamina_ROOT=${prefix}" ${of_cuda}
        --test-command "${CMAKE_COMMAND}" -E chdir "${build}" "${CMAKE_CURRENT_LIST_DIR}/run.sh")
    # Where this build was told to find its dependencies, the outside project looks too.
    cmake_path(CONVERT "${CMAKE_PREFIX_PATH}" TO_NATIVE_PATH_LIST searched)
    set_tests_properties("consumer: ${way}" PROPERTIES ENVIRONMENT_MODIFICATION "CMAKE_PREFIX_PATH=path_list_prepend:${searched}")
endforeach()
foreach(way IN ITEMS find_package cuda)
    if(TEST "consumer: ${way}")
        set_tests_properties("consumer: ${way}" PROPERTIES FIXTURES_REQUIRED lamina_installed)
    endif()
endforeach()

# SPDX-License-Identifier: MIT
# The CUDA backend twice: its kernels on the host under the emulator, which takes the toolkit's headers only, and as nvcc
# compiles them, on a GPU where there is one.
# __launch_bounds__ and #pragma unroll mean nothing to a host compiler.
set(lamina_cuda_flags -Wno-attributes -Wno-unknown-pragmas)

# lamina_skip_check(name reason): a test that says why it is none.
function(lamina_skip_check check reason)
    lamina_add_check("${check}" cuda "${CMAKE_COMMAND}" -E echo "${lamina_skip_expression}${check}: ${reason}")
endfunction()

set(lamina_no_headers "")
if(NOT LAMINA_TEST_MODELS)
    set(lamina_no_headers "LAMINA_TEST_MODELS is OFF")
elseif(NOT LAMINA_CUDA_INCLUDE)
    set(lamina_no_headers "the headers of the CUDA toolkit were not found")
else()
    file(STRINGS "${LAMINA_CUDA_INCLUDE}/cuda_runtime_api.h" version REGEX "#define CUDART_VERSION +[0-9]+")
    string(REGEX REPLACE "^.* ([0-9]+)$" "\\1" version "${version}")
    if(version LESS 12000)
        set(lamina_no_headers "the headers of the CUDA toolkit are of version ${version}, expected 12000 or more")
    endif()
endif()

if(NOT lamina_no_headers)
    file(GLOB emulator CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation/*.cpp")
    file(GLOB emulated CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/backend/cuda/*.cpp"
         "${CMAKE_CURRENT_SOURCE_DIR}/backend/*cuda*.cpp")
    add_executable(lamina_tests_cuda_emulated ${emulator} ${emulated})
    # Before everything else: what stands there takes the place of the library's headers of the same names.
    target_include_directories(lamina_tests_cuda_emulated BEFORE PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation")
    target_include_directories(lamina_tests_cuda_emulated SYSTEM PRIVATE "${LAMINA_CUDA_INCLUDE}")
    target_link_libraries(lamina_tests_cuda_emulated PRIVATE lamina_tests_support lamina_native)
    target_compile_options(lamina_tests_cuda_emulated PRIVATE ${lamina_cuda_flags})
    target_precompile_headers(lamina_tests_cuda_emulated PRIVATE "\"support/catch.hpp\"" <cublasLt.h> <cuda_runtime.h>
                               <lamina/backend/cuda/backend.hpp>)
    lamina_discover_tests(lamina_tests_cuda_emulated cuda "cuda, emulated/")
else()
    lamina_skip_check("cuda: kernels on the host" "${lamina_no_headers}")
endif()

if(LAMINA_WITH_CUDA)
    file(GLOB compiled CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/backend/*.cu")
    # What models on the GPU are compared with runs on the CPU, and Eigen never meets nvcc.
    add_executable(lamina_tests_cuda ${compiled} backend/parity_cuda.cpp backend/parity_cuda_on_cpu.cpp)
    target_link_libraries(lamina_tests_cuda PRIVATE lamina_tests_support lamina_cuda)
    lamina_discover_tests(lamina_tests_cuda cuda "cuda/")
elseif(LAMINA_CUDA)
    lamina_skip_check("cuda: conformance on a device" "the CUDA toolkit was not found")
else()
    lamina_skip_check("cuda: conformance on a device" "LAMINA_CUDA is OFF")
endif()

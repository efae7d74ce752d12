# SPDX-License-Identifier: MIT
# The CUDA backend twice: its kernels on the host under the emulator, which takes the toolkit's headers only, and as nvcc
# compiles them, on a GPU where there is one.
# __launch_bounds__ and #pragma unroll mean nothing to a host compiler.
set(lamina_cuda_flags -Wno-attributes -Wno-unknown-pragmas)

# lamina_skip_check(name reason): a test that says why it is none.
function(lamina_skip_check check reason)
    lamina_add_check("${check}" cuda "${CMAKE_COMMAND}" -E echo "${lamina_skip_expression}${check}: ${reason}")
endfunction()

lamina_room(cuda)
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
    add_library(lamina_emulator OBJECT cuda_emulation/emulator.cpp cuda_emulation/runtime.cpp cuda_emulation/cublaslt.cpp)
    target_link_libraries(lamina_emulator PRIVATE lamina_dev lamina_native)
    # Before everything else: what stands there takes the place of the library's headers of the same names.
    target_include_directories(
        lamina_emulator BEFORE PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation" "${CMAKE_CURRENT_SOURCE_DIR}")
    target_include_directories(lamina_emulator SYSTEM PUBLIC "${LAMINA_CUDA_INCLUDE}")
    target_compile_options(lamina_emulator PUBLIC ${lamina_cuda_flags})
    # Half of what the emulated suite takes is matrix products.
    target_compile_options(lamina_emulator PRIVATE -O3)

    file(GLOB emulated CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation/*_test.cpp"
         "${CMAKE_CURRENT_SOURCE_DIR}/backend/cuda/*.cpp" "${CMAKE_CURRENT_SOURCE_DIR}/backend/*cuda*.cpp")
    lamina_unite(emulated lamina_tests_cuda_emulated 6 ${emulated})
    add_executable(lamina_tests_cuda_emulated ${emulated})
    target_link_libraries(lamina_tests_cuda_emulated PRIVATE lamina_emulator lamina_tests_support lamina_tests_cpu_kernels)
    target_precompile_headers(lamina_tests_cuda_emulated PRIVATE "\"support/catch.hpp\"" <cublasLt.h> <cuda_runtime.h>
                               <lamina/backend/cuda/backend.hpp>)
    lamina_discover_tests(lamina_tests_cuda_emulated cuda "cuda, emulated/")
    lamina_room(cuda lamina_tests_cuda_emulated)

    # Programs whose GPU is the emulator: of their sources only those for the GPU are compiled again, for nano.
    # lamina_emulated_program(name library source...): `name`, linked of its own objects and what its library has, with the
    # sources for the GPU.
    function(lamina_emulated_program name library)
        add_executable(${name}_emulated ${ARGN} $<TARGET_OBJECTS:${name}>)
        set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
        target_include_directories(${name}_emulated PRIVATE "${PROJECT_BINARY_DIR}/lamina_models/nano"
                                   "${PROJECT_BINARY_DIR}/lamina_models/nano/full_all_fp32")
        target_link_libraries(${name}_emulated PRIVATE lamina_emulator ${library})
        get_target_property(linked ${name} LINK_LIBRARIES)
        list(FILTER linked INCLUDE REGEX "_nano.*_cpp$")
        target_link_libraries(${name}_emulated PRIVATE ${linked})
        lamina_room(programs ${name}_emulated)
    endfunction()
    if(LAMINA_BUILD_EXAMPLES AND "nano" IN_LIST LAMINA_MODELS)
        set(examples "${PROJECT_SOURCE_DIR}/examples")
        lamina_emulated_program(remove_layernorm model_folder "${examples}/remove_layernorm/each_run.cu")
        lamina_emulated_program(evaluate any_model "${examples}/common/each_model.cu" "${examples}/common/each_run.cu")
        set(check "programs: a removal and an evaluation on the emulator")
        lamina_add_check("${check}" programs "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation/programs.py"
                         "$<TARGET_FILE:remove_layernorm_emulated>" "$<TARGET_FILE:evaluate_emulated>")
        set_tests_properties("${check}" PROPERTIES COST 1000)
    endif()

    # Of the sizes that this build leaves out, the largest is read at least, kernels and all, as the emulator's are; the
    # others differ from it in their architecture alone.
    if(LAMINA_GXX)
        file(GLOB sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/bench/*/each_*.cu"
             "${PROJECT_SOURCE_DIR}/examples/*/each_*.cu")
        include(LaminaModels)
        lamina_open_model(xl gpt2-xl)
        lamina_open_adaptation(xl_full gpt2_xl full)
        set(xl_folder "${PROJECT_BINARY_DIR}/lamina_models/gpt2_xl")
        foreach(source IN LISTS sources)
            lamina_add_check("cuda: ${source} compiles" cuda "${LAMINA_GXX}" -std=c++20 -fsyntax-only ${lamina_cuda_flags}
                             "-I${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation" "-isystem${LAMINA_CUDA_INCLUDE}"
                             "${lamina_include_flags}" "-I${xl_folder}" "-I${xl_folder}/${xl_full}" -x c++ "${PROJECT_SOURCE_DIR}/${source}")
        endforeach()
    endif()
else()
    lamina_skip_check("cuda: kernels on the host" "${lamina_no_headers}")
endif()

if(LAMINA_WITH_CUDA)
    # The emulator's sources again, as CUDA: one each, so that many compilers share them.
    file(GLOB conformance CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/backend/conformance_cuda_*.cpp")
    set(compiled "")
    foreach(source IN LISTS conformance)
        cmake_path(GET source STEM name)
        file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/cuda/${name}.cu" CONTENT "#include \"backend/${name}.cpp\"\n" @ONLY)
        list(APPEND compiled "${CMAKE_CURRENT_BINARY_DIR}/cuda/${name}.cu")
    endforeach()
    # What models on the GPU are compared with runs on the CPU, and Eigen never meets nvcc.
    add_executable(lamina_tests_cuda ${compiled} backend/parity_cuda_on_device.cu backend/parity_cuda.cpp
                                     backend/parity_cuda_on_cpu.cpp)
    target_link_libraries(lamina_tests_cuda PRIVATE lamina_tests_support lamina_tests_cpu_kernels lamina_cuda)
    # Most of nvcc's time would go into optimising the tests around the kernels, which are the same code either way.
    string(REPLACE "-O3" "-O0 -Xcicc -O3 -Xptxas -O3" CMAKE_CUDA_FLAGS_RELEASE "${CMAKE_CUDA_FLAGS_RELEASE}")
    lamina_discover_tests(lamina_tests_cuda cuda "cuda/")
    lamina_room(cuda lamina_tests_cuda)

    # The toolkit of this build, as if it had no such library.
    set(check "cuda: a toolkit without cuBLASLt is refused in one sentence")
    lamina_add_check(
        "${check}" cuda "${CMAKE_COMMAND}" -G "${CMAKE_GENERATOR}" -S "${PROJECT_SOURCE_DIR}"
        -B "${CMAKE_CURRENT_BINARY_DIR}/without_cublaslt" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}" -DLAMINA_CUDA=ON
        -DCUDA_cublasLt_LIBRARY= -DLAMINA_BUILD_TESTS=OFF -DLAMINA_BUILD_EXAMPLES=OFF -DLAMINA_BUILD_BENCHMARKS=OFF)
    # CMake breaks lines where it likes.
    set_tests_properties("${check}" PROPERTIES PASS_REGULAR_EXPRESSION
                         "lamina: the CUDA toolkit of [^;]* has no[ \n]+cuBLASLt; install[^;]*CUDAToolkit_ROOT=DIR, or leave")
elseif(LAMINA_CUDA)
    lamina_skip_check("cuda: conformance on a device" "the CUDA toolkit was not found")
else()
    lamina_skip_check("cuda: conformance on a device" "LAMINA_CUDA is OFF")
endif()

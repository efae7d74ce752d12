# SPDX-License-Identifier: MIT
# What our own programs and tests are compiled with; none of it reaches a user of lamina::lamina.
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(lamina_dev INTERFACE)
target_link_libraries(lamina_dev INTERFACE lamina)
target_compile_options(
    lamina_dev
    INTERFACE
        "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion>"
        "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${LAMINA_WARNINGS_AS_ERRORS}>>:-Werror>"
        # What g++ leaves out of -Wconversion: a small number in a list is of the type that it initialises.
        "$<$<COMPILE_LANG_AND_ID:CXX,Clang,AppleClang>:-Wno-sign-conversion>"
        # g++ 12 sees an overlap that is not there in `"literal" + string` (GCC bug 105651), and its own AVX-512 intrinsics
        # read variables that they leave undefined on purpose (GCC bug 105593).
        "$<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-uninitialized;-Wno-maybe-uninitialized>")
# ccache sees into the precompiled headers of g++ only where the preprocessor leaves their names standing.
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(lamina_dev INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>")
endif()
# Most programs touch one or two of the libraries; not loading the rest makes a thousand short test runs quicker.
target_link_options(lamina_dev INTERFACE LINKER:--as-needed)

if(LAMINA_WITH_CUDA)
    # The architectures must be known before the language is: A100, H100 and H200 unless something else is asked for.
    if(NOT CMAKE_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES 80 90)
    endif()
    if(NOT CMAKE_CUDA_COMPILER)
        set(CMAKE_CUDA_COMPILER "${CUDAToolkit_NVCC_EXECUTABLE}")
    endif()
    enable_language(CUDA)
    if(LAMINA_WARNINGS_AS_ERRORS)
        target_compile_options(lamina_dev INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings>")
    endif()
endif()

include(LaminaModels)

# lamina_cuda_parts(variable folder): the .cu files of a folder, which a target with any of them links lamina_cuda for.
function(lamina_cuda_parts variable folder)
    set(parts "")
    if(LAMINA_WITH_CUDA AND LAMINA_CUDA_PROGRAMS)
        file(GLOB parts CONFIGURE_DEPENDS "${folder}/*.cu")
    endif()
    set(${variable} "${parts}" PARENT_SCOPE)
endfunction()

# lamina_program(name [library...]): name.cpp, together with the sources in the folder `name` if there is one, and with the
# .cu ones among them where CUDA is on, becomes the program `name`. What is compiled for each model is added by its owner.
function(lamina_program name)
    file(GLOB parts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
    lamina_cuda_parts(cuda_parts "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
    list(FILTER parts EXCLUDE REGEX "/each_[a-z]+\\.cpp$")
    list(FILTER cuda_parts EXCLUDE REGEX "/each_[a-z]+\\.cu$")
    add_executable(${name} ${name}.cpp ${parts} ${cuda_parts})
    target_link_libraries(${name} PRIVATE lamina_dev lamina_native lamina_cpu_kernels ${ARGN})
    if(cuda_parts)
        target_link_libraries(${name} PRIVATE lamina_cuda)
    endif()
endfunction()

# lamina_programs([library...]): one program per source file of the current folder.
function(lamina_programs)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        lamina_program(${name} ${ARGN})
    endforeach()
endfunction()

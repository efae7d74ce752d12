# SPDX-License-Identifier: MIT
# What our own programs and tests are compiled with; none of it reaches a user of lamina::lamina.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

set(CMAKE_CXX_EXTENSIONS OFF)

add_library(lamina_dev INTERFACE)
target_link_libraries(lamina_dev INTERFACE lamina)
target_compile_options(
    lamina_dev
    INTERFACE
        "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Werror>"
        # g++ 12 sees an overlap that is not there in `"literal" + string` (GCC bug 105651), and its own AVX-512 intrinsics
        # read variables that they leave undefined on purpose (GCC bug 105593).
        "$<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-uninitialized;-Wno-maybe-uninitialized>")
# Most programs touch one or two of the libraries; not loading the rest makes a thousand short test runs quicker.
target_link_options(lamina_dev INTERFACE LINKER:--as-needed)

add_library(lamina_native INTERFACE)
if(LAMINA_NATIVE)
    check_cxx_compiler_flag(-march=native LAMINA_ACCEPTS_MARCH_NATIVE)
    if(LAMINA_ACCEPTS_MARCH_NATIVE)
        target_compile_options(lamina_native INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-march=native>")
    endif()
    # On AVX-512 machines g++ tunes for 256-bit units, which costs Eigen's products a quarter of their rate.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND LAMINA_ACCEPTS_MARCH_NATIVE)
        set(CMAKE_REQUIRED_FLAGS -march=native)
        check_cxx_source_compiles(
            "#ifndef __AVX512F__\n#error no AVX-512\n#endif\nint main() {}" LAMINA_NATIVE_HAS_AVX512)
        unset(CMAKE_REQUIRED_FLAGS)
        if(LAMINA_NATIVE_HAS_AVX512)
            target_compile_options(lamina_native INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-mtune=skylake-avx512>")
        endif()
    endif()
endif()

if(LAMINA_CUDA)
    enable_language(CUDA)
endif()

# lamina_program(name [library...]): name.cpp, or name.cu where CUDA is on, becomes the program `name`, together with the
# sources in the folder `name` if there is one.
function(lamina_program name)
    file(GLOB parts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp")
        add_executable(${name} ${name}.cpp ${parts})
        target_link_libraries(${name} PRIVATE lamina_dev lamina_native ${ARGN})
    else()
        add_executable(${name} ${name}.cu)
        target_link_libraries(${name} PRIVATE lamina_dev lamina_native lamina_cuda ${ARGN})
    endif()
endfunction()

# lamina_programs([library...]): one program per source file of the current folder.
function(lamina_programs)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
    if(LAMINA_CUDA)
        file(GLOB cuda_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cu")
    endif()
    foreach(source IN LISTS sources cuda_sources)
        cmake_path(GET source STEM name)
        lamina_program(${name} ${ARGN})
    endforeach()
endfunction()

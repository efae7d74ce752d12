# SPDX-License-Identifier: MIT
# lamina_native, the flags for this machine's processor, and lamina::cpu_kernels, the same library with its CPU kernels
# compiled once instead of in every program.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

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

add_library(lamina_cpu_kernels STATIC "${PROJECT_SOURCE_DIR}/cmake/cpu_kernels.cpp")
add_library(lamina::cpu_kernels ALIAS lamina_cpu_kernels)
target_link_libraries(lamina_cpu_kernels PUBLIC lamina)
target_compile_options(lamina_cpu_kernels PRIVATE "$<TARGET_PROPERTY:lamina_native,INTERFACE_COMPILE_OPTIONS>")
# For those who link it only: the library itself is what makes the kernels.
target_compile_definitions(lamina_cpu_kernels INTERFACE LAMINA_COMPILED_KERNELS=1)
set_target_properties(lamina_cpu_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)
if(NOT LAMINA_CPU_KERNELS)
    set_target_properties(lamina_cpu_kernels PROPERTIES EXCLUDE_FROM_ALL TRUE)
endif()
if(NOT PROJECT_IS_TOP_LEVEL)
    set_target_properties(lamina_cpu_kernels PROPERTIES SYSTEM TRUE)
endif()

# SPDX-License-Identifier: MIT
# The two targets that users link, lamina::lamina and lamina::cuda, and what they depend on.

# Imported targets are visible only below this directory, but whoever says add_subdirectory(lamina) links them above it.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)
find_package(Eigen3 3.4 REQUIRED CONFIG)
find_package(range-v3 REQUIRED CONFIG)
find_package(nlohmann_json 3.10 REQUIRED CONFIG)
find_package(Utf8proc 2.5 REQUIRED MODULE)
find_package(ZLIB 1.2 REQUIRED MODULE)
find_package(Zstd 1.4 REQUIRED MODULE)
find_package(Threads REQUIRED)

set(LAMINA_WITH_ONEDNN OFF)
if(LAMINA_ONEDNN STREQUAL "AUTO")
    find_package(OneDnn 2.5 QUIET MODULE)
elseif(LAMINA_ONEDNN)
    find_package(OneDnn 2.5 REQUIRED MODULE)
endif()
if(LAMINA_ONEDNN AND OneDnn_FOUND)
    set(LAMINA_WITH_ONEDNN ON)
endif()

set(LAMINA_WITH_CUDA OFF)
if(LAMINA_CUDA STREQUAL "AUTO")
    find_package(CUDAToolkit 12 QUIET)
elseif(LAMINA_CUDA)
    find_package(CUDAToolkit 12 REQUIRED)
endif()
# A toolkit without its compiler or its libraries, as some packages are, is none.
if(LAMINA_CUDA AND CUDAToolkit_FOUND)
    set(lamina_missing "")
    if(NOT CUDAToolkit_NVCC_EXECUTABLE)
        string(APPEND lamina_missing " no nvcc")
    endif()
    if(NOT TARGET CUDA::cublasLt)
        string(APPEND lamina_missing " no cuBLASLt")
    endif()
    string(REPLACE "nvcc no" "nvcc and no" lamina_missing "${lamina_missing}")
    if(NOT lamina_missing)
        set(LAMINA_WITH_CUDA ON)
    elseif(LAMINA_CUDA STREQUAL "AUTO")
        message(STATUS "lamina: CUDA is left out: the toolkit of ${CUDAToolkit_BIN_DIR} has${lamina_missing}")
    else()
        message(FATAL_ERROR "lamina: the CUDA toolkit of ${CUDAToolkit_BIN_DIR} has${lamina_missing}; install it, choose another with -DCUDAToolkit_ROOT=DIR, or leave CUDA out with -DLAMINA_CUDA=OFF")
    endif()
endif()
unset(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)

set(lamina_include "${PROJECT_SOURCE_DIR}/include")
file(GLOB_RECURSE lamina_headers CONFIGURE_DEPENDS "${lamina_include}/lamina/*.hpp" "${lamina_include}/lamina/*.cuh")
set(lamina_cuda_headers ${lamina_headers})
list(FILTER lamina_cuda_headers INCLUDE REGEX "/include/lamina/(cuda\\.hpp$|backend/cuda/)")
list(FILTER lamina_headers EXCLUDE REGEX "/include/lamina/(cuda\\.hpp$|backend/cuda/)")

add_library(lamina INTERFACE)
add_library(lamina::lamina ALIAS lamina)
target_sources(lamina INTERFACE FILE_SET HEADERS BASE_DIRS "${lamina_include}" FILES ${lamina_headers})
target_compile_features(lamina INTERFACE cxx_std_20)
target_link_libraries(
    lamina INTERFACE Eigen3::Eigen range-v3::range-v3 nlohmann_json::nlohmann_json utf8proc::utf8proc ZLIB::ZLIB zstd::libzstd
                     Threads::Threads)
if(LAMINA_WITH_ONEDNN)
    target_link_libraries(lamina INTERFACE DNNL::dnnl)
    target_compile_definitions(lamina INTERFACE LAMINA_HAS_ONEDNN=1)
endif()

# Whether the toolkit is present is asked where the target is used: an installed lamina offers it as a component.
add_library(lamina_cuda INTERFACE)
add_library(lamina::cuda ALIAS lamina_cuda)
target_sources(lamina_cuda INTERFACE FILE_SET HEADERS BASE_DIRS "${lamina_include}" FILES ${lamina_cuda_headers})
# CMake 3.25 does not know that nvcc 13 has C++20, so that a compile feature would be refused. Whoever sets a standard has
# that one.
set(lamina_without_standard "$<NOT:$<BOOL:$<TARGET_PROPERTY:CUDA_STANDARD>>>")
target_compile_options(lamina_cuda INTERFACE "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,${lamina_without_standard}>:-std=c++20>")
target_link_libraries(lamina_cuda INTERFACE lamina CUDA::cudart CUDA::cublasLt)

# To everyone but ourselves these are system headers: another project's warning flags are not about our code.
if(NOT PROJECT_IS_TOP_LEVEL)
    set_target_properties(lamina lamina_cuda PROPERTIES SYSTEM TRUE)
endif()

# SPDX-License-Identifier: MIT
# Installation, and the package that find_package(lamina) finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(lamina_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/lamina")

set_target_properties(lamina_cuda PROPERTIES EXPORT_NAME cuda)
install(TARGETS lamina EXPORT lamina_targets FILE_SET HEADERS)
install(TARGETS lamina_cuda EXPORT lamina_cuda_targets FILE_SET HEADERS)
install(EXPORT lamina_targets FILE laminaTargets.cmake NAMESPACE lamina:: DESTINATION "${lamina_package_dir}")
install(EXPORT lamina_cuda_targets FILE laminaCudaTargets.cmake NAMESPACE lamina:: DESTINATION "${lamina_package_dir}")

if(LAMINA_CPU_KERNELS)
    set_target_properties(lamina_cpu_kernels PROPERTIES EXPORT_NAME cpu_kernels)
    install(TARGETS lamina_cpu_kernels EXPORT lamina_kernels_targets)
    install(EXPORT lamina_kernels_targets FILE laminaKernelsTargets.cmake NAMESPACE lamina:: DESTINATION "${lamina_package_dir}")
endif()

configure_package_config_file(
    cmake/laminaConfig.cmake.in laminaConfig.cmake INSTALL_DESTINATION "${lamina_package_dir}")
write_basic_package_version_file(laminaConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/laminaConfig.cmake" "${PROJECT_BINARY_DIR}/laminaConfigVersion.cmake"
              cmake/LaminaArchitecture.cmake cmake/FindUtf8proc.cmake cmake/FindZstd.cmake cmake/FindOneDnn.cmake DESTINATION "${lamina_package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/lamina")

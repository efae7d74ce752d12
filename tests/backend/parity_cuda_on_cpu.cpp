// SPDX-License-Identifier: MIT
// parity::run on the CPU, in a source of its own so that Eigen never meets nvcc.
#include <lamina/backend/cpu/device.hpp>

#include "backend/parity_cuda_run.hpp"

template lamina_tests::parity::Result lamina_tests::parity::run<lamina::device::Cpu>(Kind, Progress);

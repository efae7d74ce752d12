// SPDX-License-Identifier: MIT
// Eigen's core, included in the one way that lamina uses it: our threads, not Eigen's, share the work.
#pragma once

#ifndef EIGEN_DONT_PARALLELIZE
#define EIGEN_DONT_PARALLELIZE
#endif

#include <Eigen/Core>

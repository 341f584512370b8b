#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gRPC of Java (Netty), Node (grpc-js) and C++ (C core), each as server and as client of itself, both watched: every call of
# every kind, at both ends, with the method and the code that the client reports.
load lib.bash
load grpc.bash
setup() { common_setup; need_root; }
teardown() { common_teardown; }

@test "C++" { whole cpp; }
@test "C++ over a Unix socket" { whole cpp unix; }
@test "Node" { whole node; }
@test "Java" { whole java; }

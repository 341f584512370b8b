module otel-ebpf.test/https_go

go 1.17

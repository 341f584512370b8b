module otel-ebpf.test/tls_gosym

go 1.12

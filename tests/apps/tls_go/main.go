// SPDX-License-Identifier: Apache-2.0

// Go's TLS, client and server in one process over a pipe: its code is what tls_sites.bats reads.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
)

func main() {
	cert, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	a, b := net.Pipe()
	server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{cert}})
	client := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			server.Write(buf[:n])
		}
	}()
	buf := make([]byte, 100)
	for i := 0; i < 100; i++ {
		client.Write([]byte("hello"))
		if n, err := client.Read(buf); err != nil || string(buf[:n]) != "hello" {
			fmt.Println(string(buf[:n]), err)
			os.Exit(1)
		}
	}
}

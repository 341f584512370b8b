// SPDX-License-Identifier: Apache-2.0

// A program with crypto/tls in it; only its symbols matter. Compiles with Go 1.12.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
)

func main() {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{})
	fmt.Println(l, err)
	for _, a := range os.Args[1:] {
		c, err := tls.Dial("tcp", a, &tls.Config{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(serve(c))
	}
}

func serve(c net.Conn) error {
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err == nil {
		_, err = c.Write(b[:n])
	}
	if t, ok := c.(*tls.Conn); ok {
		err = t.CloseWrite()
	}
	c.Close()
	return err
}

/**
 * Shell of busybox: a web server at port 8080 that answers `/cgi-bin/who` with its own name, and with
 * the address that it sees as the client's.
 */
export const whoScript = `
mkdir -p /w/cgi-bin
cat > /w/cgi-bin/who <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo $HOSTNAME $REMOTE_ADDR
END
chmod +x /w/cgi-bin/who
exec httpd -f -p 8080 -h /w
`;

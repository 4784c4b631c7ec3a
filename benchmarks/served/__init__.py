"""What benchmarks over HTTP share: servers in processes of their own, asked and weighed, and the peers."""

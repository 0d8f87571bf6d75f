resource "aws_security_group" "shell" {
  ingress {
    from_port = 22
    to_port   = 22
    protocol  = "tcp"
    # ruleid: config-terraform-open-world
    cidr_blocks = ["0.0.0.0/0"]
  }
  ingress {
    from_port = 443
    to_port   = 443
    protocol  = "tcp"
    # ok: config-terraform-open-world
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_s3_bucket_acl" "files" {
  bucket = "files"
  # ruleid: config-terraform-open-world
  acl = "public-read"
}

resource "aws_s3_bucket_acl" "logs" {
  bucket = "logs"
  # ok: config-terraform-open-world
  acl = "private"
}

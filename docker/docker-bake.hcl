# docker buildx bake -f docker/docker-bake.hcl [TARGET]      REGISTRY=… VERSION=… REVISION=… name and label the images.

variable "REGISTRY" {
  default = "localhost/testfleet"
}

variable "VERSION" {
  default = "0.1.0"
}

variable "REVISION" {
  default = "unknown"
}

group "default" {
  targets = ["testfleet", "runner", "codebuild"]
}

target "_common" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  args = {
    VERSION  = VERSION
    REVISION = REVISION
  }
}

target "testfleet" {
  inherits = ["_common"]
  target   = "testfleet"
  tags     = ["${REGISTRY}/testfleet:${VERSION}"]
}

target "runner" {
  inherits = ["_common"]
  name     = tool
  matrix = {
    tool = ["playwright", "k6", "newman", "pytest", "all"]
  }
  target = tool
  tags   = ["${REGISTRY}/${tool}:${VERSION}"]
}

target "codebuild" {
  inherits = ["_common"]
  target   = "codebuild"
  tags     = ["${REGISTRY}/codebuild:${VERSION}"]
}

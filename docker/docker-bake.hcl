# docker buildx bake -f docker/docker-bake.hcl [TARGET]      REGISTRY, VERSION and REVISION set names and labels.

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
  targets = ["release", "embedded"]
}

# The images of an installation. The image embedded is for trials only.
group "release" {
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

target "embedded" {
  inherits = ["_common"]
  target   = "embedded"
  tags     = ["${REGISTRY}/embedded:${VERSION}"]
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

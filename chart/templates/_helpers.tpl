{{- define "jumun.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "jumun.operator" -}}
{{ include "jumun.fullname" . }}-operator
{{- end -}}

{{- define "jumun.serviceAccount" -}}
{{- default (include "jumun.operator" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "jumun.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What is the same in the selectors for ever. The workloads of an OrderPlatform have other components. */}}
{{- define "jumun.selector" -}}
app.kubernetes.io/name: jumun
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "jumun.labels" -}}
{{ include "jumun.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: jumun
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The rules of one role of a file, by the names of both: the file is the one place where they are written. */}}
{{- define "jumun.rules" -}}
{{- $found := dict -}}
{{- range $text := regexSplit "(?m)^---\\s*$" (.root.Files.Get .file) -1 -}}
{{- $object := fromYaml $text -}}
{{- if and (eq (default "" $object.kind) "ClusterRole") (eq $object.metadata.name $.name) -}}
{{- $_ := set $found "rules" $object.rules -}}
{{- end -}}
{{- end -}}
{{- if not $found.rules }}{{ fail (printf "%s has no ClusterRole %s" .file .name) }}{{ end -}}
{{- toYaml $found.rules -}}
{{- end -}}

{{/* Whether policies that mutate are installed. */}}
{{- define "jumun.mutates" -}}
{{- $served := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- $wish := .Values.policies.mutating -}}
{{- if or (eq $wish "always") (and (eq $wish "auto") $served) }}yes{{ end -}}
{{- end -}}

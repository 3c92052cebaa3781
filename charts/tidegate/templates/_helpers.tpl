{{/* First part of every name: the release's, with the chart's unless it holds that already. */}}
{{- define "tidegate.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "tidegate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: tidegate
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels by which the Pods of a part are selected: (list . "operator"). The workers' NetworkPolicy knows the
     gateway's by `name` and `component`. */}}
{{- define "tidegate.selectorLabels" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: tidegate
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Name of a part: (list . "operator"). */}}
{{- define "tidegate.part" -}}
{{- printf "%s-%s" (include "tidegate.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* Metadata of an object of a part: (list . "operator"). */}}
{{- define "tidegate.metadata" -}}
{{- $top := index . 0 -}}
name: {{ include "tidegate.part" . }}
namespace: {{ $top.Release.Namespace }}
labels:
  {{- include "tidegate.selectorLabels" . | nindent 2 }}
  {{- include "tidegate.labels" $top | nindent 2 }}
{{- end -}}

{{/* An image behind the mirror, if there is one: (list . "name:tag"). */}}
{{- define "tidegate.image" -}}
{{- $registry := (index . 0).Values.images.registry -}}
{{- if $registry -}}{{ $registry }}/{{- end -}}{{ index . 1 }}
{{- end -}}

{{/* Where clients reach the gateway. */}}
{{- define "tidegate.gatewayURL" -}}
{{- if .Values.gateway.url -}}
{{- .Values.gateway.url -}}
{{- else -}}
{{- $port := .Values.gateway.service.port | int -}}
http://{{ include "tidegate.part" (list . "gateway") }}.{{ .Release.Namespace }}.svc{{ if ne $port 80 }}:{{ $port }}{{ end }}
{{- end -}}
{{- end -}}

{{/* Refuses a cache of models without a place. */}}
{{- define "tidegate.checkedModels" -}}
{{- if and (eq .Values.models.strategy "HostPath") (not .Values.models.hostPath) -}}
{{- fail "models.hostPath must name a directory of the nodes where models.strategy is HostPath" -}}
{{- end -}}
{{- end -}}

{{/* The operator's settings, as `Settings` in crds/tidegate_api/settings.py reads them. */}}
{{- define "tidegate.settings" -}}
{{- include "tidegate.checkedModels" . -}}
gatewayURL: {{ include "tidegate.gatewayURL" . | quote }}
gatewayService:
  name: {{ include "tidegate.part" (list . "gateway") }}
  namespace: {{ .Release.Namespace }}
  podLabels:
    {{- include "tidegate.selectorLabels" (list . "gateway") | nindent 4 }}
workerImages:
  {{- range $accelerator, $image := .Values.images.worker }}
  {{ $accelerator }}: {{ include "tidegate.image" (list $ $image) | quote }}
  {{- end }}
models:
  loaderImage: {{ include "tidegate.image" (list . .Values.images.loader) | quote }}
  {{- toYaml .Values.models | nindent 2 }}
imagePullPolicy: {{ .Values.images.pullPolicy }}
imagePullSecrets: {{ toJson .Values.images.pullSecrets }}
allowedFilePaths: {{ toJson .Values.allowedFilePaths }}
networkPolicy:
  enabled: {{ .Values.networkPolicies.enabled }}
  {{- with .Values.networkPolicies.prometheusNamespace }}
  prometheusNamespace: {{ . }}
  {{- end }}
anonymousTenant: {{ .Values.gateway.anonymousTenant | quote }}
drainSeconds: {{ .Values.worker.drainSeconds }}
workers:
  updatePolicy: {{ .Values.worker.updatePolicy }}
{{- with .Values.worker.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
priorityClassNames:
  {{- range $class := list "high" "medium" "low" }}
  {{ $class }}: {{ (index $.Values.priorityClasses $class).name | quote }}
  {{- end }}
prometheus:
  url: {{ .Values.prometheus.url | quote }}
  timeoutSeconds: {{ .Values.prometheus.timeoutSeconds }}
tracing:
  endpoint: {{ .Values.tracing.endpoint | quote }}
  sampleRatio: {{ .Values.tracing.sampleRatio }}
scaling:
  {{- if not (kindIs "invalid" .Values.scaling.maxAccelerators) }}
  maxAccelerators: {{ int .Values.scaling.maxAccelerators }}
  {{- else }} {}
  {{- end }}
resourceProfiles:
  {{- toYaml .Values.resourceProfiles | nindent 2 }}
{{- end -}}

{{/* The tenant of requests without a key, refused where no gateway could know it. */}}
{{- define "tidegate.anonymousTenant" -}}
{{- $tenant := .Values.gateway.anonymousTenant -}}
{{- $namespace := first (splitList "/" $tenant) -}}
{{- if and $tenant .Values.watchNamespaces (not (has $namespace .Values.watchNamespaces)) -}}
{{- fail (printf "gateway.anonymousTenant is of namespace %s, which is not among watchNamespaces: add it there, or name a tenant of one that is" $namespace) -}}
{{- end -}}
{{- $tenant -}}
{{- end -}}

{{/* Port of a URL: of the collector that spans are sent to, of Prometheus. */}}
{{- define "tidegate.portOf" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Security of every Pod and container here: as Pod Security `restricted` asks, and more. */}}
{{- define "tidegate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
{{- define "tidegate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What a container of ours is told by its environment. */}}
{{- define "tidegate.env" -}}
- name: TIDEGATE_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: TIDEGATE_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: HOME
  value: /tmp
{{- end -}}

{{/* Probes on the port that clients cannot reach. */}}
{{- define "tidegate.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 2
  failureThreshold: 60
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 20
  timeoutSeconds: 5
{{- end -}}

{{/* Where the Pods of a part run, and what else they carry: (list . "operator" .Values.operator). */}}
{{- define "tidegate.placement" -}}
{{- $top := index . 0 -}}
{{- $part := index . 2 -}}
{{- with $top.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml (merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "tidegate.selectorLabels" (list $top (index $ 1)) | fromYaml)))) | nindent 4 }}
  {{- end }}
{{- end }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

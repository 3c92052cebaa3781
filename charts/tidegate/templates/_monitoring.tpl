{{/* Whether PodMonitors are made: asked for, and known to the cluster. Empty is no. */}}
{{- define "tidegate.podMonitors" -}}
{{- if and .Values.podMonitors.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
yes
{{- end -}}
{{- end -}}

{{/* Whether alerts are made: asked for, and known to the cluster. Empty is no. */}}
{{- define "tidegate.alerts" -}}
{{- if and .Values.alerts.enabled (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
yes
{{- end -}}
{{- end -}}

{{/* Annotations of the Pods of a part: (list . .Values.operator). By ours a Prometheus without PodMonitors finds
     them; one's own win. */}}
{{- define "tidegate.podAnnotations" -}}
{{- $top := index . 0 -}}
{{- $found := deepCopy (index . 1).podAnnotations -}}
{{- if not (include "tidegate.podMonitors" $top) -}}
{{- $found = merge $found (dict "prometheus.io/scrape" "true" "prometheus.io/port" "9090" "prometheus.io/path" "/metrics") -}}
{{- end -}}
{{- with $found }}
{{- toYaml . }}
{{- end }}
{{- end -}}
